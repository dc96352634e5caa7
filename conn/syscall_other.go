//go:build !linux || 386

package conn

import "syscall"

func read(fd int, p []byte) (n int, err error)  { return syscall.Read(fd, p) }
func write(fd int, p []byte) (n int, err error) { return syscall.Write(fd, p) }
