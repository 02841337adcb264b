// Package h1 is an HTTP/1.1 transport that does each request in the goroutine of its caller.
//
// The Transport of net/http gives every connection two goroutines, and hands each request and each answer over between them: where
// hundreds of quick requests are in flight on few cores, a good part of the time goes into that. This one takes the requests that
// need no more than HTTP/1.1 over TCP, reads and writes them with net/http's own code, and leaves all others to the Transport of net/http.
package h1
