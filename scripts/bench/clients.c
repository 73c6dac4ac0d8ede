/*
 * Many clients of a server on 127.0.0.1, in one process that is quicker than the servers:
 *
 *   clients PORT ACTIVE IDLE SECONDS RATE CONTENT PATHS
 *
 * Opens ACTIVE + IDLE connections, has each idle one answered once, and prints "ready". At a line of standard input the active ones ask
 * for the paths of the file PATHS, one a line, in turn: with RATE 0 each as soon as its last answer is there, else RATE times a
 * second in all, however long answers take. A wait counts from when its request was due, also where no connection was free
 * then: so a server that stands still is not asked less often, which would hide the waits of all who came meanwhile (the method
 * of wrk2). Each answer must have status 200 and CONTENT bytes of content. In the end it prints a line of JSON, whose times are in
 * microseconds, and keeps the connections open until standard input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "clients_answer.h"

/* CLIENTS_EACH: of one source address, far from the 28,000 ports that it has. */
enum { EVENTS = 256, PATH = 1024, CLIENTS_EACH = 8192, SPARE_DESCRIPTORS = 16, STEPS = 128 };
static const int64_t SECOND = 1000000000, LATE = 10000000000;

static int port, poll_descriptor;
static int64_t begin_ns, end_ns, cpu_ns, rate, wanted, asked, answers;
static char **paths;
static int path_count;
static struct client **idlers; /* active clients that wait for nothing, a ring */
static int active, idler_count, first_idler;
static struct { int64_t status, length, cut, idle, late; } errors;
static int64_t waits[64 * STEPS], wait_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t read_clock(clockid_t id) {
  struct timespec time;
  clock_gettime(id, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static int64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

/* Waits by their first seven binary digits after the leading one: no percentile is off by more than a 128th. */
static void note_wait(int64_t ns) {
  int shift = ns < 2 * STEPS ? 0 : 64 - __builtin_clzll(ns) - 8;
  waits[shift * STEPS + (ns >> shift)]++;
  wait_count++;
}

static double percentile_us(double share) {
  int64_t rank = share * wait_count, seen = 0;
  for (int index = 0; index < 64 * STEPS; index++) {
    seen += waits[index];
    if (seen <= rank) continue;
    int shift = index < 2 * STEPS ? 0 : index / STEPS - 1;
    return ((int64_t)(index - shift * STEPS) << shift) / 1000.0;
  }
  return 0;
}

static void open_client(struct client *client) {
  int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + client->number / CLIENTS_EACH);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (descriptor < 0) fail("socket");
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  /* The port is chosen at connect(), which knows the other end: else all of them would have to differ. */
  setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(descriptor, (struct sockaddr *)&from, sizeof from) != 0) fail("bind");
  if (connect(descriptor, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
  client->descriptor = descriptor;
  client->state = HEAD;
  client->length = 0;
}

/* `client` is NULL for one that only has to stay open. */
static void watch(int descriptor, struct client *client) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = client};
  if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void ask(struct client *client, const char *path) {
  char head[PATH + 128];
  int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, port);
  /* So little always has room. Where it has not gone, the connection is cut, which is seen when it is read. */
  (void)!send(client->descriptor, head, length, MSG_NOSIGNAL);
}

static void check(struct client *client) {
  if (client->status != 200) errors.status++;
  else if (client->content != wanted) errors.length++;
}

static void rest(struct client *client) {
  client->state = HEAD;
  client->is_asking = 0;
  idlers[(first_idler + idler_count++) % active] = client;
}

static int64_t due_of(int64_t number) { return rate == 0 ? now() : begin_ns + number * SECOND / rate; }

/* Asks what is due, as long as clients are free for it. */
static void ask_due(void) {
  while (idler_count > 0) {
    int64_t due = due_of(asked);
    if (due >= end_ns || (rate > 0 && due > now())) return;
    struct client *client = idlers[first_idler];
    first_idler = (first_idler + 1) % active;
    idler_count--;
    client->due = due;
    client->is_asking = 1;
    ask(client, paths[asked++ % path_count]);
  }
}

static void reopen(struct client *client) {
  close(client->descriptor);
  open_client(client);
  watch(client->descriptor, client);
}

static void serve_event(struct client *client) {
  if (!receive(client) || !client->is_asking) {
    errors.cut++;
    reopen(client);
    if (client->is_asking) rest(client);
  } else if (read_answer(client)) {
    int64_t time = now();
    note_wait(time - client->due);
    if (time < end_ns) answers++;
    check(client);
    if (client->is_last) reopen(client);
    rest(client);
  }
}

/* What the loop waits for: the next due request where a client is free for it, the end, and then the last answers. */
static int64_t wake_time(void) {
  int64_t time = now();
  if (time >= end_ns) return end_ns + LATE;
  int64_t due = rate > 0 && idler_count > 0 ? due_of(asked) : end_ns;
  return due < end_ns ? due : end_ns;
}

static void load(int seconds) {
  struct epoll_event events[EVENTS];
  int64_t cpu_begin = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  begin_ns = now();
  end_ns = begin_ns + seconds * SECOND;
  for (;;) {
    ask_due();
    int64_t time = now(), pause = wake_time() - time;
    int is_over = time >= end_ns && due_of(asked) >= end_ns;
    if (time >= end_ns && cpu_ns == 0) cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
    if (is_over && idler_count == active) return;
    if (time >= end_ns + LATE) break;
    if (pause < 0) pause = 0;
    struct timespec limit = {.tv_sec = pause / SECOND, .tv_nsec = pause % SECOND};
    int count = epoll_pwait2(poll_descriptor, events, EVENTS, &limit, NULL);
    for (int index = 0; index < count; index++) {
      if (events[index].data.ptr == NULL) {
        errors.idle++;
        return;
      }
      serve_event(events[index].data.ptr);
      ask_due();
    }
  }
  errors.late = active - idler_count;
}

static void read_paths(const char *name) {
  char line[PATH];
  FILE *file = fopen(name, "r");
  if (file == NULL) fail(name);
  while (fgets(line, sizeof line, file) != NULL) {
    paths = realloc(paths, (path_count + 1) * sizeof(char *));
    line[strcspn(line, "\n")] = 0;
    paths[path_count++] = strdup(line);
  }
  fclose(file);
  if (path_count == 0) fail("no paths");
}

static void raise_descriptors(int count) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= (rlim_t)count) return;
  limit.rlim_cur = count;
  if (limit.rlim_max < (rlim_t)count) limit.rlim_max = count;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  fprintf(stderr, "%d descriptors are needed: raise the hard limit (ulimit -Hn), also for the servers\n", count);
  exit(1);
}

static void open_all(int idle) {
  static struct client once;
  for (int number = 0; number < active; number++) {
    struct client *client = malloc(sizeof *client);
    client->number = number;
    open_client(client);
    watch(client->descriptor, client);
    rest(client);
  }
  for (int number = 0; number < idle; number++) {
    once.number = active + number;
    open_client(&once);
    ask(&once, paths[0]);
    do {
      if (!receive(&once)) fail("an idle connection was cut");
    } while (!read_answer(&once));
    check(&once);
    watch(once.descriptor, NULL);
  }
}

int main(int count, char **words) {
  if (count != 8) fail("usage");
  port = atoi(words[1]), active = atoi(words[2]), rate = atoll(words[5]), wanted = atoll(words[6]);
  int idle = atoi(words[3]), seconds = atoi(words[4]);
  read_paths(words[7]);
  raise_descriptors(active + idle + SPARE_DESCRIPTORS);
  /* Else the kernel wakes who waits for a moment up to 50 us late. */
  prctl(PR_SET_TIMERSLACK, 1);
  poll_descriptor = epoll_create1(EPOLL_CLOEXEC);
  idlers = malloc(active * sizeof *idlers);
  open_all(idle);
  puts("ready");
  fflush(stdout);
  if (getchar() == EOF) return 1;
  load(seconds);
  printf("{\"answers\":%lld,\"durationUs\":%lld,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"cpuUs\":%lld,", (long long)answers,
         seconds * 1000000LL, percentile_us(.5), percentile_us(.99), percentile_us(.999), (long long)cpu_ns / 1000);
  printf("\"errors\":{\"status\":%lld,\"length\":%lld,\"cut\":%lld,\"idle\":%lld,\"late\":%lld}}\n", (long long)errors.status,
         (long long)errors.length, (long long)errors.cut, (long long)errors.idle, (long long)errors.late);
  fflush(stdout);
  while (getchar() != EOF) continue;
  return 0;
}
