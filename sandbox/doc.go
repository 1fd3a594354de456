// Package sandbox runs any program for strangers: confined, limited, and with nothing of a session left
// when it is over.
//
//	r, err := sandbox.Prepare(sandbox.Policy{}, "/srv/chal/overflow")
//	if err != nil {
//		return err // this host cannot enforce the policy: the error has a Hint
//	}
//	defer r.Close()
//	for {
//		conn, err := l.AcceptTCP()
//		if err != nil {
//			return err
//		}
//		go func() {
//			defer conn.Close()
//			p, err := r.Start(ctx, conn, sandbox.Session{})
//			if err != nil {
//				log.Print(err)
//				return
//			}
//			exit, err := p.Wait()
//			log.Print(exit.Reason, err)
//		}()
//	}
//
// Package chal/program makes a challenge of a Runner, and DESIGN.md says how and why it is built so.
//
// # What it promises
//
// Under the zero [Policy] a program has
//
//   - no network: an empty network namespace, no way to make a socket, and no way to disconnect the
//     player's and connect it elsewhere;
//   - no files but the host's system directories, its own file and a minimal /dev, all read-only;
//   - no other processes to see or to signal: a pid namespace for each session;
//   - a user ID of its own in each session, no capabilities, no way to new privileges;
//   - its connection as descriptors 0 and 1, and nothing else of the server's: no descriptor, no
//     environment but PATH;
//   - limits of memory, processes, processor, time, descriptors and file size.
//
// What the host cannot enforce is an *[UnenforceableError]; nothing is silently weaker. [Policy.Weaker]
// accepts less, by name. At the end of a session everything in it is killed, whatever it did, before
// Process.Wait returns.
//
// # Images
//
// [Policy.Image] takes the root from a container image, as docker save, docker buildx, skopeo and podman write them.
// There need be no Docker: package oci unpacks it into a cache, checks every digest, and refuses what is hostile.
//
//	r, err := sandbox.Prepare(sandbox.Policy{Image: "/srv/chal/overflow.tar"}) // runs what the image runs
//
// # What it does not
//
// It trusts the kernel: a program that breaks Linux breaks out. It does not run on other systems, and
// programs of 32-bit ARM run on arm64 with [SyscallsOff] alone: the filter does not know their system calls. Idle time and
// output are limited by who moves the bytes or watches the connection: package chal/program.
//
// # System calls
//
// The default filter refuses those that challenges never need: kernel modules, mounts, other processes'
// memory (ptrace), new namespaces, io_uring, userfaultfd, bpf, perf, keyrings, System V IPC and POSIX
// queues, clocks, leases, aio, inotify, vmsplice, and, without a network, sockets, sendmsg and unusual socket options; and those that are newer than the filter do
// not exist. On amd64 that holds for system calls of 32-bit programs too; their C library's setsockopt and socketpair
// fail without a network, since a filter cannot see what they ask for. [SyscallsStrict] allows only what ordinary programs
// need. [SyscallsOff] and [Policy.Network] need Landlock to keep sessions apart.
package sandbox
