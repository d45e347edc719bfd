/* What a C program on libmodbus does: each server in turn is asked for one block of registers, by
 * the library's own blocking call.
 *
 *   modbus_libmodbus REGISTERS SECONDS PERIOD_MS < ports
 */
#define _GNU_SOURCE
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST = 65536 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int registers = atoi(argv[1]), count = 0, port;
    double period = atof(argv[3]) / 1e3;
    static modbus_t *links[MOST];
    while (count < MOST && scanf("%d", &port) == 1) {
        modbus_t *link = links[count++] = modbus_new_tcp("127.0.0.1", port);
        if (!link || modbus_set_slave(link, 1) || modbus_connect(link)) {
            perror("connect");
            return 1;
        }
    }
    uint64_t answered = 0;
    double values[125], begin = now(), used = cpu(), end = begin + atof(argv[2]), due = begin;
    volatile double sum = 0;
    for (int next = 0; now() < end; next = (next + 1) % count) {
        uint16_t block[125];
        if (modbus_read_registers(links[next], 0, registers, block) != registers) {
            perror("read");
            return 1;
        }
        for (int n = 0; n < registers; n++)
            values[n] = 0.1 * block[n];
        sum += values[0];
        answered++;
        due += period / count;
        double wait = due - now();
        if (period && wait > 0) {
            struct timespec pause = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
            nanosleep(&pause, NULL);
        }
    }
    used = cpu() - used;
    printf("{\"transactions\": %llu, \"cpu_s\": %.6f, \"seconds\": %.3f}\n",
           (unsigned long long)answered, used, now() - begin);
    return 0;
}
