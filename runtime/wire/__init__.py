"""ZeroMQ: sockets, frames, streams with sequence and snapshot. The only importer of zmq here."""
