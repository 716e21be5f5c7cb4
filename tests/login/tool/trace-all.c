/*
 * trace-all FILE - until there is such a file, seizes every process that appears, and pid 1; prints those that let it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void try_one(int pid)
{
	char path[64], name[32] = "", exe[256] = "";
	int fd;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, name, sizeof(name) - 1) < 0)
		strcpy(name, "gone\n");
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink(path, exe, sizeof(exe) - 1) < 0)
		exe[0] = '\0';
	printf("seized %d %s %s", pid, exe, name);
	fflush(stdout);
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	(void)waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

int main(int argc, char **argv)
{
	int last = getpid();

	if (argc != 2)
		return 2;
	while (access(argv[1], F_OK) < 0) {
		struct dirent *e;
		DIR *d = opendir("/proc");

		while ((e = readdir(d)))
			if (atoi(e->d_name) > last || atoi(e->d_name) == 1)
				try_one(atoi(e->d_name));
		closedir(d);
	}
	puts("ended");
	return 0;
}
