/*
 * How a client of clients.c reads an answer (RFC 9112 6.3). Every server here says how long its answers are, or sends them in chunks;
 * their trailers are empty.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* For the head of an answer, and that of a chunk. */
enum { ROOM = 16384 };

enum state { HEAD, CONTENT, SIZE, CHUNK, CHUNK_END, LAST };

struct client {
  int descriptor;
  int number;
  int is_asking; /* an answer is to come */
  int64_t due;
  enum state state;
  int is_last; /* the server closes the connection after this answer */
  int status;
  int64_t content;
  int64_t left;
  int length;
  char bytes[ROOM];
};

/* False at the end of the connection. */
static int receive(struct client *client) {
  ssize_t count = recv(client->descriptor, client->bytes + client->length, ROOM - 1 - client->length, 0);
  if (count <= 0) return 0;
  client->length += count;
  client->bytes[client->length] = 0;
  return 1;
}

static void drop(struct client *client, int count) {
  client->length -= count;
  memmove(client->bytes, client->bytes + count, client->length + 1);
}

static void read_field(struct client *client, const char *line) {
  if (strncasecmp(line, "Content-Length:", 15) == 0) client->left = client->content = atoll(line + 15);
  else if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0) client->state = SIZE;
  else if (strncasecmp(line, "Connection: close", 17) == 0) client->is_last = 1;
}

static void read_head(struct client *client, const char *end) {
  client->state = CONTENT;
  client->content = client->left = client->is_last = 0;
  client->status = client->length > 12 ? atoi(client->bytes + 9) : 0;
  for (const char *line = client->bytes; line < end; line = strchr(line, '\n') + 1) read_field(client, line);
  drop(client, end + 4 - client->bytes);
}

static void skip(struct client *client) {
  int count = client->left < client->length ? client->left : client->length;
  client->left -= count;
  drop(client, count);
}

/* Takes what has come; true once an answer is whole. */
static int read_answer(struct client *client) {
  for (;;) {
    char *end;
    switch (client->state) {
      case HEAD:
        if ((end = strstr(client->bytes, "\r\n\r\n")) == NULL) return 0;
        read_head(client, end);
        break;
      case CONTENT:
        skip(client);
        return client->left == 0;
      case SIZE:
        if ((end = strstr(client->bytes, "\r\n")) == NULL) return 0;
        client->content += client->left = strtol(client->bytes, NULL, 16);
        drop(client, end + 2 - client->bytes);
        client->state = client->left == 0 ? LAST : CHUNK;
        break;
      case CHUNK:
        skip(client);
        if (client->left > 0) return 0;
        client->state = CHUNK_END;
        break;
      case CHUNK_END:
      case LAST:
        if (client->length < 2) return 0;
        drop(client, 2);
        if (client->state == LAST) return 1;
        client->state = SIZE;
    }
  }
}
