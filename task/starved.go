package task

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
)

// wants are the system's errors that mean that this machine, or this process, has run out of something that every task needs.
var wants = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS}

// starved says whether a try failed for want of something on this machine.
func starved(err error) bool {
	for _, want := range wants {
		if errors.Is(err, want) {
			return true
		}
	}
	var dns *net.DNSError // which keeps the text of its cause only
	if errors.As(err, &dns) {
		for _, want := range wants {
			if strings.HasSuffix(dns.Err, want.Error()) {
				return true
			}
		}
	}
	var fork *os.PathError
	return errors.As(err, &fork) && fork.Op == "fork/exec" && errors.Is(fork.Err, syscall.EAGAIN) // no more processes
}
