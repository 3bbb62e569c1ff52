"""HTTP over TLS: the values and the interface (`http`), one module an implementation."""
