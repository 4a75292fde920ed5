package proxy

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// networked are the types of file systems, as statfs says them, whose storage other
// machines may see.
var networked = map[int64]string{
	0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x517b: "smb", 0x00c36400: "ceph", 0x65735546: "fuse",
	0x01021997: "9p", 0x5346414f: "afs", 0x6b414653: "afs", 0x0bd00bd0: "lustre", 0x01161970: "gfs2",
	0x7461636f: "ocfs2", 0x47504653: "gpfs", 0x19830326: "beegfs", 0x6a656a63: "virtiofs",
}

// storage names the storage that a folder is on, so that two nodes have the same name only
// for the same folder. On a file system of this machine alone that is the machine, the
// device and the number of the folder. On one of the network it is what was mounted, as the
// two machines name it, and the server's number of the folder: the paths and device numbers
// of two clients say nothing.
func storage(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return "", err
	}
	st := info.Sys().(*syscall.Stat_t)
	if name, ok := networked[int64(uint32(fs.Type))]; ok {
		from, err := mountedFrom(st.Dev)
		return fmt.Sprintf("%s of %s, folder %d", name, from, st.Ino), err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("which machine this is: %w", err)
	}
	return fmt.Sprintf("machine %s, device %d, folder %d", strings.TrimSpace(string(boot)), st.Dev, st.Ino), nil
}

// mountedFrom returns what is mounted as a device.
func mountedFrom(dev uint64) (string, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	want := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	for line := range strings.Lines(string(b)) {
		before, after, ok := strings.Cut(line, " - ")
		if f, g := strings.Fields(before), strings.Fields(after); ok && len(f) > 2 && f[2] == want && len(g) > 1 {
			return g[1], nil
		}
	}
	return "", fmt.Errorf("no mount is of device %s", want)
}
