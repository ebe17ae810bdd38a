import Glibc

/// The file of a listening Unix socket: makes room for it, and takes away what is still its own.
struct UnixSocketPath {
    let path: String
    let endpoint: LocalEndpoint

    /// Which file a path named at one moment.
    struct Identity: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        fileprivate let owner: UInt32
        fileprivate let isSocket: Bool
    }

    /// What stands at the path now, symbolic links not followed; nil when nothing does.
    func identity() -> Identity? {
        var status = stat()
        guard lstat(self.path, &status) == 0 else { return nil }
        return Identity(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            owner: status.st_uid,
            isSocket: status.st_mode & S_IFMT == S_IFSOCK
        )
    }

    /// Removes the file if it is still the one that was bound; a successor's socket stays.
    func remove(ifStill identity: Identity) {
        if self.identity() == identity {
            unlink(self.path)
        }
    }

    /// Binds, and takes over a socket file that nobody serves any more.
    ///
    /// - Throws: `.addressInUse` when somebody answers there, or when the file is not a socket of ours.
    func bind(_ socket: borrowing SocketDescriptor) throws(LocalIPCError) {
        let address = try UnixAddress(self.path, endpoint: self.endpoint)
        let descriptor = socket.rawValue
        if try self.tryBind(descriptor, address) { return }
        try self.checkAbandoned(address)
        // Two daemons that start at once could each find the other's predecessor dead, and the slower one unlink the faster
        // one's live socket. The second look happens under a lock, and so does the bind.
        let lock = try self.acquireLock()
        defer { self.releaseLock(lock) }
        if try self.tryBind(descriptor, address) { return }
        try self.checkAbandoned(address)
        unlink(self.path)
        guard try self.tryBind(descriptor, address) else { throw .addressInUse(self.endpoint) }
    }

    private func tryBind(_ descriptor: CInt, _ address: UnixAddress) throws(LocalIPCError) -> Bool {
        if address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 { return true }
        let number = errno
        if number == EADDRINUSE { return false }
        throw .systemError(self.endpoint, "bind: \(systemErrorText(number))")
    }

    /// Returns when the path is free or holds a dead socket of ours.
    private func checkAbandoned(_ address: UnixAddress) throws(LocalIPCError) {
        guard let identity = self.identity() else { return }
        guard identity.isSocket else {
            throw .systemError(self.endpoint, "bind: address already in use (there is a file that is not a socket)")
        }
        guard identity.owner == geteuid() else { throw .addressInUse(self.endpoint) }
        let probe = try SocketDescriptor.stream(self.endpoint, family: AF_UNIX)
        let descriptor = probe.rawValue
        let result = address.withSockaddr { connect(descriptor, $0, $1) }
        let number = errno
        // Only a refusal proves that nobody is there; a full backlog (EAGAIN) is somebody busy.
        guard result != 0, number == ECONNREFUSED || number == ENOENT else { throw .addressInUse(self.endpoint) }
    }

    private var lockPath: String { self.path + ".lock" }

    private func acquireLock() throws(LocalIPCError) -> CInt {
        for _ in 0..<16 {
            let lock = open(self.lockPath, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard lock >= 0 else {
                throw .systemError(self.endpoint, "bind: cannot lock \(self.lockPath): \(systemErrorText(errno))")
            }
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
                close(lock)
                throw .addressInUse(self.endpoint)
            }
            // The previous holder removes the file before it unlocks; then we hold a lock that nobody else can find.
            var held = stat()
            var named = stat()
            if fstat(lock, &held) == 0, lstat(self.lockPath, &named) == 0, held.st_ino == named.st_ino,
                held.st_dev == named.st_dev
            {
                return lock
            }
            close(lock)
        }
        throw .addressInUse(self.endpoint)
    }

    private func releaseLock(_ lock: CInt) {
        unlink(self.lockPath)
        close(lock)
    }
}
