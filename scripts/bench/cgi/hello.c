/* The smallest CGI program: what is measured is the server that starts it. */
#include <stdio.h>

int main(void) {
  fputs("Content-Type: text/plain\r\n\r\nHello from a script.\n", stdout);
  return 0;
}
