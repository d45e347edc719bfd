/* A native poll loop for the plain case of Modbus TCP: each server is asked for one block of
 * holding registers, every period or as soon as it has answered, by one thread on epoll. What is
 * checked is what our driver checks of a read: transaction, protocol, length, unit, function and
 * count. Values are scaled and stored as doubles.
 *
 *   modbus_poll REGISTERS SECONDS PERIOD_MS < ports     (PERIOD_MS 0: as fast as they answer)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536, HEAD = 7, MOST_FRAME = 260 };

struct link {
    int fd, filled;
    uint16_t transaction;
    int waits;          /* for an answer */
    double due;         /* when it is asked next, in s */
    unsigned char buffer[MOST_FRAME];
    double values[125];
};

static int registers;
static double period;
static uint64_t answered, late, broken;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void ask(struct link *link)
{
    uint16_t id = ++link->transaction;
    unsigned char frame[12] = {id >> 8, id & 255, 0, 0, 0, 6, 1, 3, 0, 0, registers >> 8, registers & 255};
    if (send(link->fd, frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame) {
        perror("send");
        exit(1);
    }
    link->waits = 1;
}

/* Take what has come; 1 if an answer is whole and right, 0 if more must come, -1 if it is wrong. */
static int take(struct link *link)
{
    int found = recv(link->fd, link->buffer + link->filled, MOST_FRAME - link->filled, 0);
    if (found <= 0)
        return found < 0 && errno == EAGAIN ? 0 : -1;
    link->filled += found;
    if (link->filled < HEAD)
        return 0;
    unsigned char *at = link->buffer;
    int length = at[4] << 8 | at[5];
    if (at[2] || at[3] || length < 3 || length > 254)
        return -1;
    if (link->filled < 6 + length)
        return 0;
    if (link->filled > 6 + length || (at[0] << 8 | at[1]) != link->transaction || at[6] != 1 ||
        at[7] != 3 || at[8] != 2 * registers || length != 3 + 2 * registers)
        return -1;
    for (int n = 0; n < registers; n++)
        link->values[n] = 0.1 * (at[9 + 2 * n] << 8 | at[10 + 2 * n]);
    link->filled = 0;
    return 1;
}

static int joined(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    registers = atoi(argv[1]);
    period = atof(argv[3]) / 1e3;
    static struct link *links[MOST];
    int count = 0, port, poller = epoll_create1(0);
    while (count < MOST && scanf("%d", &port) == 1) {
        struct link *link = links[count++] = calloc(1, sizeof *link);
        link->fd = joined(port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
        epoll_ctl(poller, EPOLL_CTL_ADD, link->fd, &event);
    }
    double begin = now(), end = begin + atof(argv[2]);
    for (int n = 0; n < count; n++) {
        links[n]->due = begin + period * n / count; /* in order of time, and that order stays */
        if (!period)
            ask(links[n]);
    }
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    static struct epoll_event events[256];
    for (int next = 0; now() < end;) {
        int wait = 100;
        if (period) {
            double at = now();
            while (links[next]->due <= at) {
                struct link *link = links[next];
                if (link->waits)
                    late++; /* one request at a time on a link */
                else
                    ask(link);
                link->due += period;
                next = (next + 1) % count;
            }
            wait = (int)((links[next]->due - at) * 1e3) + 1;
        }
        int ready = epoll_wait(poller, events, 256, wait);
        for (int n = 0; n < ready; n++) {
            struct link *link = events[n].data.ptr;
            int found = take(link);
            if (found < 0) {
                broken++;
                epoll_ctl(poller, EPOLL_CTL_DEL, link->fd, NULL);
            } else if (found) {
                answered++;
                link->waits = 0;
                if (!period)
                    ask(link);
            }
        }
    }
    getrusage(RUSAGE_SELF, &after);
    double cpu = after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
                 before.ru_stime.tv_sec +
                 (after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
                  before.ru_stime.tv_usec) / 1e6;
    printf("{\"transactions\": %llu, \"cpu_s\": %.6f, \"seconds\": %.3f, \"late\": %llu, \"broken\": %llu}\n",
           (unsigned long long)answered, cpu, now() - begin, (unsigned long long)late,
           (unsigned long long)broken);
    return broken ? 1 : 0;
}
