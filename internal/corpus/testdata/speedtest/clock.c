/*
 * A clock that stands still, so that what SQLite's speedtest prints is the same each time: the VFS
 * without locks, with another time, as the default. SQLite calls this when it has started.
 */
#include "sqlite3.h"

static int now(sqlite3_vfs *vfs, sqlite3_int64 *millis)
{
	(void)vfs;
	*millis = 212000000000000;
	return SQLITE_OK;
}

int stop_clock(const char *unused)
{
	static sqlite3_vfs vfs;
	(void)unused;
	vfs = *sqlite3_vfs_find("unix-none");
	vfs.zName = "still";
	vfs.xCurrentTimeInt64 = now;
	return sqlite3_vfs_register(&vfs, 1);
}
