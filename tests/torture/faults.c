/* Faults below Python and below orbax's C++: for LD_PRELOAD on Linux.

   Every call that changes a file or folder below the armed one is counted, and from a chosen one on it fails, or the
   process ends there. See faults.py, which builds this and arms it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL_BEFORE = -1, KILL_AFTER = -2, KILL_WITHIN = -3 }; /* else an errno */
enum { GROWS = 1, NAMES = 2, SYNCS = 4, REMOVES = 8 };

static char below[PATH_MAX];
static long calls, at;
static int action;

void fault_arm(const char *folder, long call, int what) {
  calls = 0;
  action = what;
  at = call;
  snprintf(below, sizeof below, "%s", folder);
}

long fault_calls(void) { return __atomic_load_n(&calls, __ATOMIC_SEQ_CST); }

static void end(void) { kill(getpid(), SIGKILL); pause(); }

/* Which calls a full disk, a failing one and a read-only one refuse. */
static int refused(int kind) {
  if (action == ENOSPC) return kind & GROWS;
  if (action == EIO) return kind & (GROWS | SYNCS | NAMES);
  return 1;
}

static int fails(const char *path, int kind, int *ends_after) {
  *ends_after = 0;
  size_t length = strlen(below);
  if (!length || strncmp(path, below, length) || (path[length] && path[length] != '/')) return 0;
  long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (!at || call < at) return 0;
  if (action > 0) {
    if (!refused(kind)) return 0;
    errno = action;
    return 1;
  }
  if (call == at && action == KILL_BEFORE) end();
  *ends_after = call == at;
  return 0;
}

static int fails_at(int folder, const char *path, int kind, int *ends_after) {
  char whole[2 * PATH_MAX], link[64];
  if (path && path[0] == '/') return fails(path, kind, ends_after);
  if (folder == AT_FDCWD) {
    if (!getcwd(whole, PATH_MAX)) return 0;
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0) return 0;
    whole[length] = 0;
  }
  if (path) {
    strcat(whole, "/");
    strncat(whole, path, PATH_MAX - 2);
  }
  return fails(whole, kind, ends_after);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define CHANGES(kind, folder, path, call) \
  int ends_after; \
  int saved = errno; \
  if (fails_at(folder, path, kind, &ends_after)) return -1; \
  errno = saved; \
  __typeof__(call) result = call; \
  if (ends_after) end(); \
  return result

#define OPENS(name, folder, arguments) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
  REAL(name); \
  if (!(flags & (O_CREAT | O_TRUNC))) return real arguments; \
  CHANGES(GROWS | NAMES, folder, path, real arguments)

int open(const char *path, int flags, ...) { OPENS(open, AT_FDCWD, (path, flags, mode)) ; }
int open64(const char *path, int flags, ...) { OPENS(open64, AT_FDCWD, (path, flags, mode)) ; }
int openat(int folder, const char *path, int flags, ...) { OPENS(openat, folder, (folder, path, flags, mode)) ; }
int openat64(int folder, const char *path, int flags, ...) { OPENS(openat64, folder, (folder, path, flags, mode)) ; }

/* A write that is cut in the middle leaves half of its bytes. */
#define WRITES(size, cut, whole) \
  int ends_after; \
  int saved = errno; \
  if (fails_at(file, NULL, GROWS, &ends_after)) return -1; \
  errno = saved; \
  if (ends_after && action == KILL_WITHIN) { (void)!(cut); end(); } \
  ssize_t result = whole; \
  if (ends_after) end(); \
  return result

ssize_t write(int file, const void *data, size_t size) {
  REAL(write);
  WRITES(size, real(file, data, size / 2), real(file, data, size));
}
ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
  REAL(pwrite);
  WRITES(size, real(file, data, size / 2, offset), real(file, data, size, offset));
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
  REAL(pwrite64);
  WRITES(size, real(file, data, size / 2, offset), real(file, data, size, offset));
}
ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(writev);
  WRITES(count, real(file, parts, count / 2), real(file, parts, count));
}

int fsync(int file) { REAL(fsync); CHANGES(SYNCS, file, NULL, real(file)); }
int fdatasync(int file) { REAL(fdatasync); CHANGES(SYNCS, file, NULL, real(file)); }
int ftruncate(int file, off_t size) { REAL(ftruncate); CHANGES(GROWS, file, NULL, real(file, size)); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); CHANGES(GROWS, file, NULL, real(file, size)); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); CHANGES(GROWS | NAMES, AT_FDCWD, path, real(path, mode)); }
int mkdirat(int folder, const char *path, mode_t mode) {
  REAL(mkdirat);
  CHANGES(GROWS | NAMES, folder, path, real(folder, path, mode));
}
int rename(const char *from, const char *to) { REAL(rename); CHANGES(NAMES, AT_FDCWD, to, real(from, to)); }
int renameat(int a, const char *from, int b, const char *to) { REAL(renameat); CHANGES(NAMES, b, to, real(a, from, b, to)); }
int renameat2(int a, const char *from, int b, const char *to, unsigned int flags) {
  REAL(renameat2);
  CHANGES(NAMES, b, to, real(a, from, b, to, flags));
}
int unlink(const char *path) { REAL(unlink); CHANGES(REMOVES, AT_FDCWD, path, real(path)); }
int unlinkat(int folder, const char *path, int flags) { REAL(unlinkat); CHANGES(REMOVES, folder, path, real(folder, path, flags)); }
int rmdir(const char *path) { REAL(rmdir); CHANGES(REMOVES, AT_FDCWD, path, real(path)); }
