/* A CGI program in C: what it was told by GET, and how many bytes came by POST. */
#include <stdio.h>
#include <stdlib.h>

static const char *told(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

int main(int count, char **words) {
    long bytes = 0;
    while (getchar() != EOF) bytes++;
    printf("Content-Type: text/plain\n\n%s|%s|%ld|%d", told("PATH_INFO"), told("QUERY_STRING"), bytes, count - 1);
    for (int i = 1; i < count; i++) printf("|%s", words[i]);
    putchar('\n');
    return 0;
}
