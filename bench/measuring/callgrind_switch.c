/* What a program under callgrind says to it: begin to count, begin anew, write down. */
#include <valgrind/callgrind.h>

void begin(void)
{
    CALLGRIND_START_INSTRUMENTATION;
}

void clear(void)
{
    CALLGRIND_ZERO_STATS;
}

void dump(const char *name)
{
    CALLGRIND_DUMP_STATS_AT(name);
}
