/*
 * Both ends of the row of WebSocket, RFC 6455, so quick that whoever stands between them is what is measured:
 *
 *   websocket serve PORT                          sends each message back
 *   websocket load PORT COUNT SECONDS             opens COUNT connections, sends the next message on each when the last one is back, and
 *                                                 prints "MESSAGES MICROSECONDS"
 *
 * A message has MESSAGE bytes, each connection one at a time. What is not as it must be ends the program with 1.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 32, SENT = 6 + MESSAGE, ANSWERED = 2 + MESSAGE, ROOM = 4096, MOST = 20000, EVENTS = 256 };

/* RFC 6455 1.3: this key has this answer. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct end {
  int descriptor;
  int is_open;
  int length;
  unsigned char bytes[ROOM];
};

static struct end *ends[MOST];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void put(int descriptor, const void *bytes, int length) {
  /* So little always has room. */
  if (send(descriptor, bytes, length, MSG_NOSIGNAL) != length) fail("send");
}

static void watch(int poll, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static struct end *begin(int descriptor) {
  int on = 1;
  if (descriptor < 0 || descriptor >= MOST) fail("descriptor");
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (ends[descriptor] == NULL) ends[descriptor] = malloc(sizeof(struct end));
  ends[descriptor]->descriptor = descriptor;
  ends[descriptor]->is_open = ends[descriptor]->length = 0;
  return ends[descriptor];
}

/* 0 at the end of the connection. */
static int fill(struct end *end) {
  ssize_t count = recv(end->descriptor, end->bytes + end->length, ROOM - 1 - end->length, 0);
  if (count <= 0) return 0;
  end->length += count;
  end->bytes[end->length] = 0;
  return 1;
}

static void drop(struct end *end, int count) {
  end->length -= count;
  memmove(end->bytes, end->bytes + count, end->length);
}

/* Takes the head away once it is whole. */
static int has_head(struct end *end, const char *wanted) {
  char *last = strstr((char *)end->bytes, "\r\n\r\n");
  if (last == NULL) return 0;
  if (strstr((char *)end->bytes, wanted) == NULL) fail("head");
  drop(end, last + 4 - (char *)end->bytes);
  return end->is_open = 1;
}

static void answer(struct end *end) {
  unsigned char frame[ANSWERED] = {0x81, MESSAGE};
  while (end->length >= SENT) {
    if (end->bytes[0] != 0x81 || end->bytes[1] != (0x80 | MESSAGE)) fail("frame");
    for (int at = 0; at < MESSAGE; at++) frame[2 + at] = end->bytes[6 + at] ^ end->bytes[2 + at % 4];
    drop(end, SENT);
    put(end->descriptor, frame, ANSWERED);
  }
}

static int address(struct sockaddr_in *to, const char *port) {
  *to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return socket(AF_INET, SOCK_STREAM, 0);
}

static void serve(const char *port) {
  struct sockaddr_in to;
  struct epoll_event events[EVENTS];
  int on = 1, poll = epoll_create1(0), listener = address(&to, port);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&to, sizeof to) != 0 || listen(listener, 4096) != 0) fail("listen");
  watch(poll, listener);
  for (;;) {
    int count = epoll_wait(poll, events, EVENTS, -1);
    for (int index = 0; index < count; index++) {
      int descriptor = events[index].data.fd;
      if (descriptor == listener) {
        watch(poll, begin(accept(listener, NULL, NULL))->descriptor);
        continue;
      }
      struct end *end = ends[descriptor];
      if (!fill(end)) {
        close(descriptor);
        continue;
      }
      if (!end->is_open && has_head(end, KEY)) {
        const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n";
        put(descriptor, head, sizeof head - 1);
      }
      if (end->is_open) answer(end);
    }
  }
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void ask(struct end *end, unsigned number) {
  unsigned char frame[SENT] = {0x81, 0x80 | MESSAGE, 1, 2, 3, 4};
  for (int at = 0; at < MESSAGE; at++) frame[6 + at] = ('a' + (number + at) % 26) ^ frame[2 + at % 4];
  put(end->descriptor, frame, SENT);
}

static void load(const char *port, int count, int seconds) {
  static unsigned asked[MOST];
  struct sockaddr_in to;
  struct epoll_event events[EVENTS];
  char head[512];
  int poll = epoll_create1(0);
  int length = snprintf(head, sizeof head,
                        "GET /socket HTTP/1.1\r\nHost: localhost:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        port);
  int *descriptors = calloc(count, sizeof(int));
  for (int index = 0; index < count; index++) {
    struct end *end = begin(descriptors[index] = address(&to, port));
    if (connect(end->descriptor, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
    put(end->descriptor, head, length);
    while (!has_head(end, " 101 ")) {
      if (!fill(end)) fail("handshake");
    }
    watch(poll, end->descriptor);
  }
  int64_t start = now(), messages = 0;
  for (int index = 0; index < count; index++) ask(ends[descriptors[index]], asked[descriptors[index]] = index);
  while (now() - start < seconds * 1000000LL) {
    int ready = epoll_wait(poll, events, EVENTS, 10000);
    if (ready <= 0) fail("no answer");
    for (int index = 0; index < ready; index++) {
      struct end *end = ends[events[index].data.fd];
      if (!fill(end)) fail("cut");
      if (end->length < ANSWERED) continue;
      if (end->length > ANSWERED || end->bytes[0] != 0x81 || end->bytes[1] != MESSAGE) fail("answer");
      unsigned number = asked[end->descriptor];
      for (int at = 0; at < MESSAGE; at++) {
        if (end->bytes[2 + at] != 'a' + (number + at) % 26) fail("another message");
      }
      end->length = 0;
      messages++;
      ask(end, ++asked[end->descriptor]);
    }
  }
  printf("%lld %lld\n", (long long)messages, (long long)(now() - start));
}

int main(int count, char **words) {
  if (count == 3 && strcmp(words[1], "serve") == 0) serve(words[2]);
  else if (count == 5 && strcmp(words[1], "load") == 0) load(words[2], atoi(words[3]), atoi(words[4]));
  else fail("usage");
  return 0;
}
