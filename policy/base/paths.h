#ifndef CARREL_BASE_PATHS_H
#define CARREL_BASE_PATHS_H

/*
 * Where things were installed, as make's command line says; no file holds a default, so that none can disagree.
 *
 * CARREL_BINDIR      the directory of the command `carrel`
 * CARREL_LIBEXECDIR  carrel-cli, carrel-helper, carrel-door, carrel-relay, carrel-init, carrel-root
 * CARREL_SYSCONFDIR  carrel.conf, conf.d/, filters/
 * CARREL_DATADIR     what the package ships: filters/
 * CARREL_SECUREDIR   pam_carrel.so
 * CARREL_VERSION     "1.2.3"
 */
#if !defined(CARREL_BINDIR) || !defined(CARREL_LIBEXECDIR) || !defined(CARREL_SYSCONFDIR) ||       \
	!defined(CARREL_DATADIR) || !defined(CARREL_SECUREDIR) || !defined(CARREL_VERSION)
#error "the installation's paths come from make: build with ./configure && make"
#endif

#endif
