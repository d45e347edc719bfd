/* A disk that is watched and that fails: preloaded into a process, for the files of one folder.
 *
 * SHIM_FOLDER   the folder
 * SHIM_TRACE    file to which every change is appended once it is done:
 *               op (1 byte: w write, t truncate, u unlink, s sync), length of the name (1),
 *               offset (u64), length of the data (u64), name, data
 * SHIM_CONTROL  file of four i32 that the test maps and sets while the process runs:
 *               [0] syncs to fail (-1: all), [1] writes to fail (-1: all), [2] errno of both,
 *               [3] how long a sync takes, in ms
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int trace_fd = -1;
static volatile int32_t *control;

__attribute__((constructor)) static void begin(void)
{
    const char *trace = getenv("SHIM_TRACE"), *path = getenv("SHIM_CONTROL");
    folder = getenv("SHIM_FOLDER");
    if (trace)
        trace_fd = syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (path) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
        void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED)
            control = page;
    }
}

/* The name of a file in our folder, or NULL. */
static const char *ours(const char *path)
{
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length) || path[length] != '/')
        return NULL;
    return path + length + 1;
}

static const char *name_of(int fd, char *path, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0)
        return NULL;
    path[length] = 0;
    return ours(path);
}

static void tell(char op, const char *name, uint64_t offset, uint64_t length, const void *data)
{
    if (trace_fd < 0)
        return;
    size_t letters = strlen(name);
    char *line = malloc(18 + letters + length);
    line[0] = op;
    line[1] = (char)letters;
    memcpy(line + 2, &offset, 8);
    memcpy(line + 10, &length, 8);
    memcpy(line + 18, name, letters);
    if (length)
        memcpy(line + 18 + letters, data, length);
    syscall(SYS_write, trace_fd, line, 18 + letters + length);
    free(line);
}

static int fails(int which)
{
    if (!control || !control[which])
        return 0;
    if (control[which] > 0)
        control[which]--;
    errno = control[2];
    return 1;
}

/* Take the time of a sync, and say whether it fails. */
static int sync_fails(void)
{
    if (control && control[3]) {
        struct timespec pause = {control[3] / 1000, control[3] % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
    return fails(0);
}

static ssize_t put(int fd, const void *data, size_t length, off_t offset)
{
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    if (!name)
        return syscall(SYS_pwrite64, fd, data, length, offset);
    int synced = fcntl(fd, F_GETFL) & O_DSYNC;
    if (fails(1) || (synced && sync_fails()))
        return -1;
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_pwrite64, fd, data, length, offset);
    if (done > 0)
        tell('w', name, offset, done, data);
    if (done > 0 && synced)
        tell('s', name, 0, 0, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return put(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return put(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length)
{
    char path[4096];
    off_t place = folder && name_of(fd, path, sizeof path) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (place < 0)
        return syscall(SYS_write, fd, data, length);
    ssize_t done = put(fd, data, length, place);
    if (done > 0)
        lseek(fd, place + done, SEEK_SET);
    return done;
}

static int sync_file(int fd, long call)
{
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    if (!name)
        return syscall(call, fd);
    if (sync_fails())
        return -1;
    int done = syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (!done)
        tell('s', name, 0, 0, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int cut(int fd, off_t length)
{
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_ftruncate, fd, length);
    if (!done && name)
        tell('t', name, length, 0, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

int unlink(const char *path)
{
    const char *name = ours(path);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!done && name)
        tell('u', name, 0, 0, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}
