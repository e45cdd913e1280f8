module github.com/epicfilemcnulty/hapgent

go 1.26.0

toolchain go1.26.8

require (
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	golang.org/x/crypto v0.58.0
)
