"""The machinery of actors: model, kernels, wire, cells, cluster, gateway, client, city file."""
