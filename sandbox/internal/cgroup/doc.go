// Package cgroup keeps the sessions of a sandbox within their memory, processes and processor time by Linux's control groups.
//
// There are two versions of these. In version 2 there is one hierarchy for all controllers, in version 1 one for each; which controllers are
// where, and where this process may make groups, [Find] finds out by trying. [Groups] are a sandbox's, with a [Group] for each of its slots
// below; who has computed for seconds gives way to the others, until it rests. Files and their meaning: admin-guide/cgroup-v1 and
// admin-guide/cgroup-v2.rst of the kernel's documentation.
//
// A server that is killed leaves its groups behind; the next one takes them away.
package cgroup
