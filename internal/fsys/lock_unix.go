//go:build unix

package fsys

import (
	"errors"
	"syscall"
)

// TryLock uses flock(2), whose lock belongs to the open file description.
func (f osFile) TryLock() (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
