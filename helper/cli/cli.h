#ifndef CARREL_CLI_CLI_H
#define CARREL_CLI_CLI_H

/*
 * The subcommands: argv[0] is the subcommand's name; returns the exit status (2: wrong usage). One
 * file each.
 */
int cmd_bundle(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_denials(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_filter(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_pam(int argc, char **argv);
int cmd_root(int argc, char **argv);
int cmd_trace(int argc, char **argv);

#endif
