/* live.c - signals, waiting reads and the progress line of a run. */
#include "cli/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What a signal handler can reach has to be static: the flag, and a pipe that wakes a read that waits. */
static volatile sig_atomic_t stop_asked;
static int wake_pipe[2] = {-1, -1};

static void on_signal(int number) {
  if (stop_asked) _exit(128 + number);
  stop_asked = 1;
  int kept = errno;
  ssize_t ignored = write(wake_pipe[1], "", 1);
  (void)ignored;
  errno = kept;
}

const volatile sig_atomic_t *live_stop(void) { return &stop_asked; }

/* Waits until the handle can be read or a signal asks to stop. */
static int64_t live_read(void *context, int handle, void *bytes, size_t room) {
  struct live *live = context;
  struct pollfd wait[2] = {{.fd = handle, .events = POLLIN}, {.fd = wake_pipe[0], .events = POLLIN}};
  while (!stop_asked) {
    int ready = poll(wait, 2, -1);
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready > 0 && wait[0].revents != 0 && !stop_asked) {
      int64_t length = live->base->read(live->base->context, handle, bytes, room);
      if (length != -EINTR) return length;
    }
  }
  return -EINTR;
}

static int64_t live_write(void *context, int handle, const void *bytes, size_t length) {
  struct live *live = context;
  if (handle == ENV_STDERR || (handle == ENV_STDOUT && live->out_terminal)) live_clear(live);
  int64_t written = live->base->write(live->base->context, handle, bytes, length);
  if (written == -EPIPE && handle == ENV_STDOUT) live->reader_gone = true;
  return written;
}

/* The other doors stay the host's, which does not look at its context. */
bool live_init(struct live *live, const struct env *base) {
  *live = (struct live){.env = *base, .base = base, .out_terminal = base->is_terminal(base->context, ENV_STDOUT)};
  live->env.context = live;
  live->env.read = live_read;
  live->env.write = live_write;
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  for (int i = 0; i < 2; i++) { /* a standard stream that was closed must stay closed, and not become the pipe */
    int low = wake_pipe[i];
    if (low > STDERR_FILENO) continue;
    wake_pipe[i] = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(low);
    if (wake_pipe[i] < 0) return false;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  return true;
}

static void put(const char *text, size_t length) {
  ssize_t ignored = write(ENV_STDERR, text, length);
  (void)ignored; /* nobody looks at progress that cannot be written */
}

/* A line that is cut, for one that wraps could not be taken back. */
static int columns(void) {
  struct winsize size;
  return ioctl(ENV_STDERR, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : INT_MAX;
}

void live_line(struct live *live, const char *text) {
  char line[256];
  int length = snprintf(line, sizeof line, "\r%.*s\x1b[K", columns(), text);
  if (length > 0) put(line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
  live->line_shown = true;
}

void live_clear(struct live *live) {
  static const char clear[] = "\r\x1b[K";
  if (live->line_shown) put(clear, strlen(clear));
  live->line_shown = false;
}
