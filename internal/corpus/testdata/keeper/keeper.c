/* Keeps a database, a log and files that are replaced by renaming, as its input says, a
   command a line, each answered by a line:

       sql TEXT         executes TEXT in the database book.db, and says how many rows came
       log TEXT         appends a line to log.txt, which stays open
       begin NAME TEXT  writes TEXT to NAME.tmp, which stays open
       end TEXT         writes TEXT behind it, and renames NAME.tmp to NAME
       spare TEXT       writes TEXT to a file that has no name any more, and says its size

   Argument 1 is the folder. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sqlite3.h"

static const char *dir;
static int spare = -1, temporary = -1;
static char name[256];

static char *path(const char *file, const char *suffix) {
  static char paths[2][512];
  static int turn;
  turn = !turn;
  snprintf(paths[turn], sizeof paths[0], "%s/%s%s", dir, file, suffix);
  return paths[turn];
}

static int put(int fd, const char *text) {
  size_t n = strlen(text);
  return write(fd, text, n) == (ssize_t)n && write(fd, "\n", 1) == 1;
}

static int count(void *rows, int columns, char **values, char **names) {
  ++*(int *)rows;
  return 0;
}

static int sql(sqlite3 *db, const char *text) {
  int rows = 0;
  char *why = 0;
  if (sqlite3_exec(db, text, count, &rows, &why)) {
    printf("failed: %s\n", why);
    return 1;
  }
  printf("%d rows, %s a transaction\n", rows, sqlite3_get_autocommit(db) ? "outside" : "inside");
  return 1;
}

static int begin(char *text) {
  char *rest = strchr(text, ' ');
  if (!rest) return 0;
  *rest++ = 0;
  snprintf(name, sizeof name, "%s", text);
  temporary = open(path(name, ".tmp"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  return temporary >= 0 && put(temporary, rest);
}

static int end(const char *text) {
  return put(temporary, text) && !close(temporary) && !rename(path(name, ".tmp"), path(name, ""));
}

static int unnamed(const char *text) {
  if (spare < 0) {
    spare = open(path("spare", ""), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (spare < 0 || unlink(path("spare", ""))) return 0;
  }
  if (!put(spare, text)) return 0;
  printf("%lld bytes\n", (long long)lseek(spare, 0, SEEK_CUR));
  return 1;
}

int main(int argc, char **argv) {
  static char line[4096];
  sqlite3 *db;
  dir = argc > 1 ? argv[1] : "/data";
  int log = open(path("log.txt", ""), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (log < 0 || sqlite3_open_v2(path("book.db", ""), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix-none")) {
    printf("cannot open the log or the database\n");
    return 1;
  }
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char *text = strchr(line, ' ');
    int done = 0, silent = 0;
    if (text) {
      *text++ = 0;
      if (!strcmp(line, "sql")) done = silent = sql(db, text);
      else if (!strcmp(line, "log")) done = put(log, text);
      else if (!strcmp(line, "begin")) done = begin(text);
      else if (!strcmp(line, "end")) done = end(text);
      else if (!strcmp(line, "spare")) done = silent = unnamed(text);
    }
    if (!done) printf("failed: %s\n", line);
    else if (!silent) printf("done\n");
    fflush(stdout);
  }
  return sqlite3_close(db);
}
