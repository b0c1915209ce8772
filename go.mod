module libforker

go 1.26.0

require (
	github.com/valyala/bytebufferpool v1.0.0
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0
)

require github.com/klauspost/compress v1.20.4

require (
	github.com/go-crypt/x v0.4.17
	golang.org/x/net v0.62.0
	golang.org/x/text v0.43.0 // indirect
)
