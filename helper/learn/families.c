#include "helper/learn/families.h"

/* clang-format off */
static const char *const rows[] = {
	/* by age: the plain call, the one with a directory, the one with flags */
	"open openat openat2 creat",
	"stat lstat fstat newfstatat statx stat64 lstat64 fstat64 fstatat64",
	"statfs fstatfs statfs64 fstatfs64",
	"access faccessat faccessat2",
	"readlink readlinkat",
	"rename renameat renameat2",
	"mkdir mkdirat",
	"rmdir unlink unlinkat",
	"link linkat",
	"symlink symlinkat",
	"mknod mknodat",
	"chmod fchmod fchmodat fchmodat2",
	"chown lchown fchown fchownat chown32 lchown32 fchown32",
	"utime utimes futimesat utimensat utimensat_time64",
	"truncate ftruncate truncate64 ftruncate64",
	"getdents getdents64",
	"dup dup2 dup3",
	"pipe pipe2",
	"fcntl fcntl64",
	"lseek _llseek",
	"mmap mmap2",
	"read readv pread64 preadv preadv2",
	"write writev pwrite64 pwritev pwritev2",
	"sendfile sendfile64 copy_file_range splice",
	"tee vmsplice splice",
	"fadvise64 fadvise64_64 readahead",
	"sync syncfs fsync fdatasync sync_file_range",
	"getxattr lgetxattr fgetxattr getxattrat",
	"setxattr lsetxattr fsetxattr setxattrat",
	"listxattr llistxattr flistxattr listxattrat",
	"removexattr lremovexattr fremovexattr removexattrat",
	"file_getattr file_setattr",
	/* waiting */
	"poll ppoll ppoll_time64",
	"select pselect6 _newselect pselect6_time64",
	"epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2",
	"eventfd eventfd2",
	"signalfd signalfd4",
	"inotify_init inotify_init1 inotify_add_watch inotify_rm_watch",
	"io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64",
	/* time */
	"time gettimeofday clock_gettime clock_getres clock_gettime64 clock_getres_time64",
	"nanosleep clock_nanosleep clock_nanosleep_time64",
	"alarm getitimer setitimer",
	"timer_create timer_delete timer_getoverrun timer_gettime timer_settime timer_gettime64 timer_settime64",
	"timerfd_create timerfd_gettime timerfd_settime timerfd_gettime64 timerfd_settime64",
	"clock_settime settimeofday clock_settime64",
	"adjtimex clock_adjtime clock_adjtime64",
	/* processes */
	"fork vfork clone",
	"execve execveat",
	"wait4 waitid waitpid",
	"kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal",
	"pidfd_open pidfd_send_signal",
	"sigaction rt_sigaction",
	"sigprocmask rt_sigprocmask",
	"sigreturn rt_sigreturn",
	"sigsuspend rt_sigsuspend",
	"futex futex_waitv futex_wait futex_wake futex_requeue futex_time64",
	"getpriority setpriority",
	"ioprio_get ioprio_set",
	"sched_getaffinity sched_setaffinity",
	"sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_getattr sched_setattr "
		"sched_get_priority_max sched_get_priority_min sched_rr_get_interval",
	"getrlimit setrlimit prlimit64 ugetrlimit",
	"process_vm_readv process_vm_writev",
	/* credentials */
	"setuid setreuid setresuid setfsuid setuid32 setreuid32 setresuid32 setfsuid32",
	"setgid setregid setresgid setfsgid setgid32 setregid32 setresgid32 setfsgid32",
	"setgroups setgroups32",
	"capget capset",
	"add_key request_key keyctl",
	/* memory */
	"mlock mlock2 munlock mlockall munlockall",
	"pkey_alloc pkey_free pkey_mprotect",
	"mbind get_mempolicy set_mempolicy set_mempolicy_home_node",
	"shmget shmat shmdt shmctl",
	"semget semop semtimedop semctl semtimedop_time64",
	"msgget msgsnd msgrcv msgctl",
	"mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr mq_timedsend_time64 mq_timedreceive_time64",
	/* sockets: of no use without each other */
	"socket connect bind getsockname getpeername getsockopt setsockopt shutdown sendto recvfrom sendmsg recvmsg "
		"sendmmsg recvmmsg recvmmsg_time64 send recv",
	"socketpair sendto recvfrom sendmsg recvmsg shutdown getsockopt setsockopt",
	"listen accept accept4 bind",
	/* the machine */
	"mount umount2 umount fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr",
	"init_module finit_module delete_module",
	"quotactl quotactl_fd",
	"swapon swapoff",
	"kexec_load kexec_file_load",
	"fanotify_init fanotify_mark",
	"sethostname setdomainname",
	NULL,
};
/* clang-format on */

const char *const *families(void)
{
	return rows;
}
