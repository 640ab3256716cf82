/* Writes down, in order, everything that a program does to the files below one folder, and every byte it sends on a socket.
 *
 * Preloaded into LENS (LD_PRELOAD) by power_cut.py, which compiles it. One lock is held around each call and its record, so the
 * order of the records is the order of the calls. LENS_DISK_ROOT is the folder, LENS_DISK_LOG the file of records:
 *
 *     one letter, three 64-bit numbers (file, offset, length), and `length` bytes
 *
 *     O  a file was opened or made: file = its inode, offset = 1 when new, bytes = path
 *     W  bytes were written at offset         T  it was cut or filled to offset       S  it was synced
 *     D  a folder was synced (path)           R  renamed (path NUL path)              U  unlinked (path)
 *     M  a folder was made (path)             N  bytes were sent on socket `file`
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
#define REAL(kind, name, ...) \
    static kind (*real)(__VA_ARGS__); \
    if (!real) real = (kind(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

enum { OTHER, FILE_HERE, FOLDER_HERE, SOCKET };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static char root[PATH_MAX];
static struct { int kind; int64_t inode; char *path; } table[FDS];

static ssize_t (*real_write)(int, const void *, size_t);

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("LENS_DISK_LOG"), *folder = getenv("LENS_DISK_ROOT");
    real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (!log || !folder || !realpath(folder, root)) return;
    int (*real_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    out = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *bytes, size_t count) {
    for (const char *at = bytes; count > 0;) {
        ssize_t done = real_write(out, at, count);
        if (done <= 0) abort(); /* a record lost would make every later judgement false */
        at += done, count -= (size_t)done;
    }
}

static void say(char kind, int64_t file, int64_t offset, const void *bytes, int64_t length) {
    char head[25];
    head[0] = kind;
    memcpy(head + 1, &file, 8), memcpy(head + 9, &offset, 8), memcpy(head + 17, &length, 8);
    put(head, sizeof head), put(bytes, (size_t)length);
}

static int below(const char *path, char *whole) {
    char place[PATH_MAX];
    if (path[0] == '/') snprintf(place, sizeof place, "%s", path);
    else {
        char here[PATH_MAX / 2];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(place, sizeof place, "%s/%s", here, path);
    }
    snprintf(whole, PATH_MAX, "%s", place);
    size_t length = strlen(root);
    return out >= 0 && strncmp(whole, root, length) == 0 && (whole[length] == '/' || !whole[length]);
}

static void forget(int fd) {
    if (fd < 0 || fd >= FDS) return;
    free(table[fd].path);
    memset(&table[fd], 0, sizeof table[fd]);
}

static void opened(int fd, const char *whole, int is_new) {
    struct stat found;
    if (fd < 0 || fd >= FDS || fstat(fd, &found)) return;
    forget(fd);
    if (S_ISDIR(found.st_mode)) table[fd].kind = FOLDER_HERE;
    else if (S_ISREG(found.st_mode)) table[fd].kind = FILE_HERE;
    else return;
    table[fd].inode = (int64_t)found.st_ino;
    table[fd].path = strdup(whole);
    if (table[fd].kind == FILE_HERE) say('O', table[fd].inode, is_new, whole, (int64_t)strlen(whole));
}

/* Pairs of sockets inside the program are no link to anyone; signal handlers write into one, and must not wait for the lock. */
static int kind_of(int fd) {
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    if (out < 0 || fd < 0 || fd >= FDS || fd == out) return OTHER;
    if (table[fd].kind) return table[fd].kind;
    if (getsockname(fd, (struct sockaddr *)&name, &size) != 0) return OTHER;
    return name.ss_family == AF_INET || name.ss_family == AF_INET6 ? SOCKET : OTHER;
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        char whole[PATH_MAX]; \
        va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
        if (!below(path, whole)) return real(path, flags, mode); \
        pthread_mutex_lock(&lock); \
        int is_new = (flags & O_CREAT) && access(path, F_OK) != 0; \
        int fd = real(path, flags, mode), error = errno; \
        opened(fd, whole, is_new); \
        if (fd >= 0 && (flags & O_TRUNC) && !is_new && fd < FDS) say('T', table[fd].inode, 0, "", 0); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return fd; \
    }
OPENS(open)
OPENS(open64)

int close(int fd) {
    REAL(int, "close", int);
    pthread_mutex_lock(&lock);
    forget(fd);
    int done = real(fd), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (!real_write) real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    int kind = kind_of(fd);
    if (kind != FILE_HERE && kind != SOCKET) return real_write(fd, bytes, count);
    pthread_mutex_lock(&lock);
    if (kind == SOCKET) say('N', fd, 0, bytes, (int64_t)count); /* before it leaves: whoever reads it acts later than this */
    ssize_t done = real_write(fd, bytes, count);
    int error = errno;
    if (kind == FILE_HERE && done > 0) say('W', table[fd].inode, lseek(fd, 0, SEEK_CUR) - done, bytes, done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

#define PWRITES(name, offset_t) \
    ssize_t name(int fd, const void *bytes, size_t count, offset_t offset) { \
        REAL(ssize_t, #name, int, const void *, size_t, offset_t); \
        if (kind_of(fd) != FILE_HERE) return real(fd, bytes, count, offset); \
        pthread_mutex_lock(&lock); \
        ssize_t done = real(fd, bytes, count, offset); \
        int error = errno; \
        if (done > 0) say('W', table[fd].inode, offset, bytes, done); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return done; \
    }
PWRITES(pwrite, off_t)
PWRITES(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    int kind = kind_of(fd);
    if (kind == FILE_HERE) abort(); /* nothing here does that; if it ever does, it must be recorded */
    if (kind != SOCKET) return real(fd, parts, count);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++) say('N', fd, 0, parts[i].iov_base, (int64_t)parts[i].iov_len);
    ssize_t done = real(fd, parts, count);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    if (kind_of(fd) != SOCKET) return real(fd, bytes, count, flags);
    pthread_mutex_lock(&lock);
    say('N', fd, 0, bytes, (int64_t)count);
    ssize_t done = real(fd, bytes, count, flags);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    if (kind_of(fd) != SOCKET) return real(fd, message, flags);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < message->msg_iovlen; i++)
        say('N', fd, 0, message->msg_iov[i].iov_base, (int64_t)message->msg_iov[i].iov_len);
    ssize_t done = real(fd, message, flags);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

#define TRUNCATES(name, offset_t) \
    int name(int fd, offset_t length) { \
        REAL(int, #name, int, offset_t); \
        if (kind_of(fd) != FILE_HERE) return real(fd, length); \
        pthread_mutex_lock(&lock); \
        int done = real(fd, length), error = errno; \
        if (done == 0) say('T', table[fd].inode, length, "", 0); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return done; \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define SYNCS(name) \
    int name(int fd) { \
        REAL(int, #name, int); \
        int kind = kind_of(fd); \
        if (kind != FILE_HERE && kind != FOLDER_HERE) return real(fd); \
        pthread_mutex_lock(&lock); \
        int done = real(fd), error = errno; \
        if (done == 0 && kind == FILE_HERE) say('S', table[fd].inode, 0, "", 0); \
        if (done == 0 && kind == FOLDER_HERE) say('D', 0, 0, table[fd].path, (int64_t)strlen(table[fd].path)); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return done; \
    }
SYNCS(fsync)
SYNCS(fdatasync)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char whole[PATH_MAX], other[PATH_MAX], both[2 * PATH_MAX];
    if (!below(from, whole) || !below(to, other)) return real(from, to);
    pthread_mutex_lock(&lock);
    int done = real(from, to), error = errno;
    size_t first = strlen(whole) + 1;
    memcpy(both, whole, first), memcpy(both + first, other, strlen(other));
    if (done == 0) say('R', 0, 0, both, (int64_t)(first + strlen(other)));
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int renameat2(int from_in, const char *from, int to_in, const char *to, unsigned int flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned int);
    char whole[PATH_MAX], other[PATH_MAX], both[2 * PATH_MAX];
    if (!below(from, whole) || !below(to, other)) return real(from_in, from, to_in, to, flags);
    pthread_mutex_lock(&lock);
    int done = real(from_in, from, to_in, to, flags), error = errno;
    size_t first = strlen(whole) + 1;
    memcpy(both, whole, first), memcpy(both + first, other, strlen(other));
    if (done == 0) say('R', 0, 0, both, (int64_t)(first + strlen(other)));
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    char whole[PATH_MAX];
    if (!below(path, whole)) return real(path);
    pthread_mutex_lock(&lock);
    int done = real(path), error = errno;
    if (done == 0) say('U', 0, 0, whole, (int64_t)strlen(whole));
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    char whole[PATH_MAX];
    if (!below(path, whole)) return real(path, mode);
    pthread_mutex_lock(&lock);
    int done = real(path, mode), error = errno;
    if (done == 0) say('M', 0, 0, whole, (int64_t)strlen(whole));
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
