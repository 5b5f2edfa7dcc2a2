/* A disk whose writes take long to be safe, for one process: loaded before the C library. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_long(void)
{
	struct timespec pause = { .tv_sec = 0, .tv_nsec = 400000000 };

	nanosleep(&pause, 0);
}

int fsync(int file)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");

	wait_long();
	return real(file);
}

int fdatasync(int file)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

	wait_long();
	return real(file);
}
