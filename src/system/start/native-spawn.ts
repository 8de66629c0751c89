/**
 * What starting a process asks of Linux, by `posix_spawn` of the GNU C library, called through koffi.
 *
 * `child_process.spawn` forks: it copies the page tables of this process, and blocks it for a time in proportion to
 * its memory. `posix_spawn` shares the memory with the new process until that runs its program, and takes the same
 * time in any process.
 */

import { constants } from "node:os";

import { checkKnownSystem } from "../foreign-functions.js";
import { nameOfErrno } from "../foreign-functions.js";
import type { ForeignFunctions } from "../foreign-functions.js";

/** Where this process runs, and how it gets at koffi; a test has its own. */
export interface SpawnHost {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** @throws when the module is not there. */
  loadForeignFunctions(): ForeignFunctions;
}

/** What a process is started with. No string has a NUL in it: for C it would end there. */
export interface NativeSpawnRequest {
  readonly file: string;
  /** With the name of the program in front. */
  readonly argv: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly cwd: string | undefined;
  /**
   * The new process's descriptors 0, 1, 2 and so on; `undefined` is /dev/null. All are numbers above those, lest one
   * were overwritten before its turn.
   */
  readonly descriptors: readonly (number | undefined)[];
}

/** How a process ended, as `ChildProcess` says it. */
export interface ExitStatus {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The calls to the operating system. What they open is closed when this process, or another one, runs a program. */
export interface NativeSpawn {
  /** @throws Error when no descriptor is left. */
  socketPair(): [ours: number, theirs: number];
  /** Gives the same descriptor a second number, from `least` on. @throws Error when none is left. */
  duplicate(fd: number, least: number): number;
  /** Starts a process, with a session of its own. @returns Its pid. @throws Error when it can't be started. */
  spawn(request: NativeSpawnRequest): number;
  /** How a child ended, which is then gone for good; `undefined` while it runs. */
  collect(pid: number): ExitStatus | undefined;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2_000_000;
const F_DUPFD_CLOEXEC = 1030;
const WNOHANG = 1;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const O_RDONLY = 0;
const O_RDWR = 2;

/**
 * At least the size of each of the C library's structures, in bytes: 336 for the attributes, 128 for a set, 80 for
 * actions.
 */
const STRUCTURE_BYTES = 1024;

/** Shells say so of a process that was ended by a signal; only for one without a name. */
const SIGNAL_EXIT_CODE = 128;

/** Reads what `waitpid` says of a process that has ended. */
export function decodeStatus(status: number): ExitStatus {
  const signalNumber = status & 0x7f;
  if (signalNumber === 0) return { exitCode: (status >> 8) & 0xff, signal: null };
  const name = Object.entries(constants.signals).find(([, value]) => value === signalNumber)?.[0];
  if (name === undefined) return { exitCode: SIGNAL_EXIT_CODE + signalNumber, signal: null };
  return { exitCode: null, signal: name as NodeJS.Signals };
}

/**
 * Gives the calls, bound by koffi.
 *
 * @throws Error that says why processes can't be started so here.
 */
export function bindNativeSpawn({ platform, arch, loadForeignFunctions }: SpawnHost): NativeSpawn {
  checkKnownSystem(platform, arch);
  const foreign = loadForeignFunctions();
  const library = foreign.load(null);
  // Other C libraries have structures, and habits, of their own.
  library.func("const char *gnu_get_libc_version()");
  const socketpair = library.func("int socketpair(int domain, int type, int protocol, void *fds)");
  const fcntl = library.func("int fcntl(int fd, int command, int argument)");
  const waitpid = library.func("int waitpid(int pid, void *status, int options)");
  const sigfillset = library.func("int sigfillset(void *set)");
  const sigemptyset = library.func("int sigemptyset(void *set)");
  const initAttributes = library.func("int posix_spawnattr_init(void *attributes)");
  const setFlags = library.func("int posix_spawnattr_setflags(void *attributes, short flags)");
  const setSignalDefaults = library.func("int posix_spawnattr_setsigdefault(void *attributes, const void *set)");
  const setSignalMask = library.func("int posix_spawnattr_setsigmask(void *attributes, const void *set)");
  const initActions = library.func("int posix_spawn_file_actions_init(void *actions)");
  const destroyActions = library.func("int posix_spawn_file_actions_destroy(void *actions)");
  const addOpen = library.func(
    "int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, unsigned int mode)",
  );
  const addDuplicate = library.func("int posix_spawn_file_actions_adddup2(void *actions, int fd, int newFd)");
  const addFolder = library.func("int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)");
  const posixSpawn = library.func(
    "int posix_spawn(void *pid, const char *path, const void *actions, const void *attributes, " +
      "const char **argv, const char **envp)",
  );

  /** For calls that give the number of the error. */
  function check(what: string, errno: unknown): void {
    if (errno !== 0) throw new Error(`${what} ${nameOfErrno(foreign, errno as number)}`);
  }

  // As libuv has it: what this process ignores or blocks is not for the new one.
  const attributes = new Uint8Array(STRUCTURE_BYTES);
  const signals = new Uint8Array(STRUCTURE_BYTES);
  check("posix_spawnattr_init", initAttributes(attributes));
  check(
    "posix_spawnattr_setflags",
    setFlags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK),
  );
  sigfillset(signals);
  check("posix_spawnattr_setsigdefault", setSignalDefaults(attributes, signals));
  sigemptyset(signals);
  check("posix_spawnattr_setsigmask", setSignalMask(attributes, signals));

  function fillActions(actions: Uint8Array, { cwd, descriptors }: NativeSpawnRequest): void {
    for (const [target, fd] of descriptors.entries()) {
      if (fd === undefined) check("open", addOpen(actions, target, "/dev/null", target === 0 ? O_RDONLY : O_RDWR, 0));
      else check("dup2", addDuplicate(actions, fd, target));
    }
    if (cwd !== undefined) check("chdir", addFolder(actions, cwd));
  }

  return {
    socketPair() {
      const fds = new Int32Array(2);
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) !== 0) check("socketpair", foreign.errno());
      return [fds[0] ?? -1, fds[1] ?? -1];
    },
    duplicate(fd, least) {
      const copy = fcntl(fd, F_DUPFD_CLOEXEC, least) as number;
      if (copy < 0) check("fcntl", foreign.errno());
      return copy;
    },
    spawn(request) {
      const pid = new Int32Array(1);
      const actions = new Uint8Array(STRUCTURE_BYTES);
      check("posix_spawn_file_actions_init", initActions(actions));
      try {
        fillActions(actions, request);
        // Both lists end with a null.
        const [argv, env] = [
          [...request.argv, null],
          [...request.env, null],
        ];
        check(`spawn ${request.file}`, posixSpawn(pid, request.file, actions, attributes, argv, env));
      } finally {
        destroyActions(actions);
      }
      return pid[0] ?? -1;
    },
    collect(pid) {
      const status = new Int32Array(1);
      const answer = waitpid(pid, status, WNOHANG);
      if (answer === 0) return undefined;
      // Something else in this process waits for any child, and has it.
      if (answer !== pid) return { exitCode: null, signal: null };
      return decodeStatus(status[0] ?? 0);
    },
  };
}
