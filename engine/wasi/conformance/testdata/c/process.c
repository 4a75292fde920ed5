// Exits with 33.
#include "wasi.h"

int main(void) {
	is("sched_yield", "returns", sched_yield(), OK);
	is("proc_raise", "preview 1 has no handlers", proc_raise(6), ENOSYS);
	is("proc_raise", "and no signals", proc_raise(99), ENOSYS);
	is("proc_exit", "is reached", 1, 1);
	proc_exit(33);
	is("proc_exit", "returned", 1, 0);
	return 1;
}
