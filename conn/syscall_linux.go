//go:build linux && !386

package conn

import (
	"syscall"
	"unsafe"
)

// The sockets are non-blocking, so their calls return at once: the scheduler isn't told of them. It would take them for calls that
// may block, and as soon as one lasts 20 us, as writes do, move everything else to another thread.
// recvfrom and sendto come to the socket without the detour over what all files have in common, which read and write make.

// read is recv(2). n < 0 beside an error.
func read(fd int, p []byte) (n int, err error) {
	return call(syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0))
}

// write is send(2). Of a connection that has ended it returns EPIPE, without a signal.
func write(fd int, p []byte) (n int, err error) {
	return call(syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0))
}

func call(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
