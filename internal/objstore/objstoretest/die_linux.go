package objstoretest

import "syscall"

// dieWithParent ends the server with the test process, also when that is killed and runs no cleanup.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
