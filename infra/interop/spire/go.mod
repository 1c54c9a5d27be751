module credence.invalid/interop/spire

go 1.25.3

// What SPIRE itself is built from, its own go.mod and go.sum pin.
require github.com/spiffe/spire v1.13.3
