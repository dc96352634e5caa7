package conn

import (
	"syscall"
	"unsafe"
)

// The sockets are non-blocking, so their calls return at once: the scheduler isn't told of them. It would take them for calls that
// may block, and as soon as one lasts 20 us, as writes do, move everything else to another thread.

// read is read(2). n < 0 beside an error.
func read(fd int, p []byte) (n int, err error) {
	return call(syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

// write is write(2).
func write(fd int, p []byte) (n int, err error) {
	return call(syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

func call(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
