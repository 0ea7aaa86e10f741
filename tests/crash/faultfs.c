/* Interposed by LD_PRELOAD: counts what a process does to the files below a directory, and makes one of it fail.

   faultfs_arm(root, mode, at, lasting, trace, synced) begins to count; before that nothing is touched.
     root      the directory: absolute, without links
     mode      ENOSPC, EIO                that operation fails; a write has by then written half of its bytes
               FULL                       from there on no file may grow, until the file `lasting` is removed
               KILL_BEFORE, KILL_AFTER    SIGKILL to the process just before or just after it
               anything else              only counts
     at        the number of that operation, from 1
     trace     a file that is given a line for each operation, "N what path"; or NULL
     synced    a directory for what a power cut would leave, and POSIX promises no more: the content of each file as it
               was last synced, and the names in each directory as it was last synced; or NULL. What lies below `root`
               at the beginning counts as synced. tests/support/powercut.py makes a directory of it.

   Counted: write, pwrite, fsync, fdatasync, ftruncate, rename and unlink. SQLite's and Python's calls both come here,
   since both are linked to libc dynamically. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum mode { COUNT, FAIL_ENOSPC, FAIL_EIO, FULL, KILL_BEFORE, KILL_AFTER };
enum verdict { GO_ON, REFUSE, DIE_AFTER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *while_file, *synced;
static size_t root_length;
static long at, counted;
static enum mode mode;
static int trace = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

/* Names an inode for good: its number alone is given to another file once it is free. */
static int key_of(int directory, const char *name, char *key, size_t size, unsigned *type) {
    struct statx found;
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(directory, name, flags, STATX_INO | STATX_TYPE | STATX_BTIME, &found)) return -1;
    long long born = found.stx_mask & STATX_BTIME ? found.stx_btime.tv_sec * 1000000000LL + found.stx_btime.tv_nsec : 0;
    snprintf(key, size, "%llu-%lld", (unsigned long long)found.stx_ino, born);
    *type = found.stx_mode & S_IFMT;
    return 0;
}

static void list_names(int fd, FILE *to) {
    DIR *names = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (struct dirent *each; names && (each = readdir(names));) {
        char key[64];
        unsigned type;
        if (!strcmp(each->d_name, ".") || !strcmp(each->d_name, "..")) continue;
        if (key_of(fd, each->d_name, key, sizeof key, &type)) continue;
        fprintf(to, "%c %s %s\n", type == S_IFDIR ? 'd' : 'f', key, each->d_name);
    }
    if (names) closedir(names);
}

static void copy_content(int fd, FILE *to) {
    char link[64], piece[1 << 14];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int from = open(link, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; from >= 0 && (got = read(from, piece, sizeof piece)) > 0;) fwrite(piece, 1, (size_t)got, to);
    if (from >= 0) close(from);
}

/* Notes what an inode holds that was just synced: a file of its key, with .names behind it for a directory. */
static void keep(int fd) {
    char key[64], path[PATH_MAX], draft[PATH_MAX];
    unsigned type;
    if (!synced || key_of(fd, "", key, sizeof key, &type)) return;
    pthread_mutex_lock(&keeping);
    snprintf(draft, sizeof draft, "%s/draft", synced);
    snprintf(path, sizeof path, "%s/%s%s", synced, key, type == S_IFDIR ? ".names" : "");
    FILE *to = fopen(draft, "we");
    if (to) {
        if (type == S_IFDIR) list_names(fd, to);
        else copy_content(fd, to);
        fclose(to);
        rename(draft, path);
    }
    pthread_mutex_unlock(&keeping);
}

static int keep_each(const char *path, const struct stat *found, int type, struct FTW *place) {
    (void)found, (void)type, (void)place;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) keep(fd), close(fd);
    return 0;
}

static void begin_keeping(const char *directory, const char *in) {
    char key[64], path[PATH_MAX];
    unsigned type;
    synced = strdup(in);
    nftw(directory, keep_each, 16, FTW_PHYS);
    snprintf(path, sizeof path, "%s/root", synced);
    FILE *to = fopen(path, "we");
    if (to && !key_of(AT_FDCWD, directory, key, sizeof key, &type)) fputs(key, to);
    if (to) fclose(to);
}

int faultfs_arm(
    const char *directory, const char *name, long number, const char *lasting, const char *trace_to, const char *in
) {
    if (in) begin_keeping(directory, in);
    static const char *names[] = {"COUNT", "ENOSPC", "EIO", "FULL", "KILL_BEFORE", "KILL_AFTER"};
    for (int i = COUNT; i <= KILL_AFTER; i++)
        if (!strcmp(name, names[i])) mode = (enum mode)i;
    if (trace_to && (trace = open(trace_to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0) return -1;
    at = number;
    while_file = lasting ? strdup(lasting) : NULL;
    root_length = strlen(directory);
    root = strdup(directory);
    return 0;
}

static int below(const char *path) {
    return root && !strncmp(path, root, root_length) && (path[root_length] == '/' || path[root_length] == 0);
}

static int path_of(int fd, char *path) {
    if (!root) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts one operation and says what becomes of it; `grows` tells whether a full disk would refuse it. */
static enum verdict step(const char *what, const char *path, int grows) {
    enum verdict verdict = GO_ON;
    int saved = errno;
    pthread_mutex_lock(&lock);
    long number = ++counted;
    if (trace >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, what, path + root_length);
        if (real_write(trace, line, (size_t)length) != length) verdict = GO_ON;
    }
    int now = at && number == at;
    if (now && mode == KILL_BEFORE) die();
    if (now && mode == KILL_AFTER) verdict = DIE_AFTER;
    if (now && (mode == FAIL_ENOSPC || mode == FAIL_EIO)) verdict = REFUSE;
    if (at && number >= at && mode == FULL && grows && while_file && !access(while_file, F_OK)) verdict = REFUSE;
    pthread_mutex_unlock(&lock);
    errno = verdict == REFUSE ? (mode == FAIL_EIO ? EIO : ENOSPC) : saved;
    return verdict;
}

static ssize_t after(enum verdict verdict, ssize_t result) {
    if (verdict == DIE_AFTER) die();
    return result;
}

ssize_t write(int fd, const void *data, size_t size) {
    char path[PATH_MAX];
    if (!real_write) real_write = REAL(write);
    if (!path_of(fd, path)) return real_write(fd, data, size);
    enum verdict verdict = step("write", path, 1);
    if (verdict == REFUSE) {
        int error = errno;
        if (size > 1 && real_write(fd, data, size / 2) < 0) error = errno;
        errno = error;
        return -1;
    }
    return after(verdict, real_write(fd, data, size));
}

static ssize_t positioned(int fd, const void *data, size_t size, off_t place) {
    char path[PATH_MAX];
    if (!real_pwrite) real_pwrite = (__typeof__(real_pwrite))dlsym(RTLD_NEXT, "pwrite64");
    if (!path_of(fd, path)) return real_pwrite(fd, data, size, place);
    struct stat found;
    /* What lies within the file already has its blocks. */
    int grows = fstat(fd, &found) || place + (off_t)size > found.st_size;
    enum verdict verdict = step("pwrite", path, grows);
    if (verdict == REFUSE) {
        int error = errno;
        if (size > 1 && real_pwrite(fd, data, size / 2, place) < 0) error = errno;
        errno = error;
        return -1;
    }
    return after(verdict, real_pwrite(fd, data, size, place));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) { return positioned(fd, data, size, place); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t place) { return positioned(fd, data, size, place); }

/* A sync of a full disk succeeds: what could be written has its place. */
#define ON_FILE(name, declared, passed, grows)                      \
    int name declared {                                             \
        static __typeof__(&name) real;                              \
        if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name); \
        char path[PATH_MAX];                                        \
        if (!path_of(fd, path)) return real passed;                 \
        enum verdict verdict = step(#name, path, grows);            \
        return verdict == REFUSE ? -1 : (int)after(verdict, real passed); \
    }

#define ON_SYNC(name)                                               \
    int name(int fd) {                                              \
        static __typeof__(&name) real;                              \
        if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name); \
        char path[PATH_MAX];                                        \
        if (!path_of(fd, path)) return real(fd);                    \
        enum verdict verdict = step(#name, path, 0);                \
        if (verdict == REFUSE) return -1;                           \
        int result = real(fd);                                      \
        if (!result) keep(fd);                                      \
        return (int)after(verdict, result);                         \
    }

ON_SYNC(fsync)
ON_SYNC(fdatasync)
ON_FILE(ftruncate, (int fd, off_t size), (fd, size), 0)
ON_FILE(ftruncate64, (int fd, off64_t size), (fd, size), 0)

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (!real) real = REAL(rename);
    if (!below(to)) return real(from, to);
    enum verdict verdict = step("rename", to, 0);
    return verdict == REFUSE ? -1 : (int)after(verdict, real(from, to));
}

int unlink(const char *path) {
    static int (*real)(const char *);
    if (!real) real = REAL(unlink);
    if (!below(path)) return real(path);
    enum verdict verdict = step("unlink", path, 0);
    return verdict == REFUSE ? -1 : (int)after(verdict, real(path));
}
