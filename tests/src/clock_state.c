/* Loaded before the C library into one process of a test: a clock that a time service holds,
 * whatever the clock of the machine is, and a wall clock that is ahead or behind. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static int held(struct timex *timex, long result) {
    if (result < 0 || !getenv("SEKISHO_TEST_SYNCHRONISED"))
        return (int)result;
    timex->status &= ~STA_UNSYNC;
    timex->maxerror = timex->esterror = 1000; /* microseconds */
    return TIME_OK;
}

int adjtimex(struct timex *timex) { return held(timex, syscall(SYS_adjtimex, timex)); }
int ntp_adjtime(struct timex *timex) { return adjtimex(timex); }
int clock_adjtime(clockid_t clock, struct timex *timex) {
    return held(timex, syscall(SYS_clock_adjtime, clock, timex));
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    const char *shift = getenv("SEKISHO_TEST_WALL_SHIFT"); /* nanoseconds */
    if (result == 0 && clock == CLOCK_REALTIME && shift) {
        long long nanoseconds = atoll(shift);
        time->tv_sec += nanoseconds / 1000000000;
        time->tv_nsec += nanoseconds % 1000000000;
        time->tv_sec += time->tv_nsec < 0 ? -1 : time->tv_nsec / 1000000000;
        time->tv_nsec = (time->tv_nsec + 1000000000) % 1000000000;
    }
    return result;
}
