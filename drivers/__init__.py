"""The field: the driver contract, the registry, the conformance kit, and one folder a protocol."""
