import CResolver
import Glibc
public import Multiformats
public import NIOCore
import NIOPosix
import Synchronization

/// The system's resolver: getaddrinfo(3) for host names, res_nquery(3) for TXT records.
///
/// Both block, so they run on threads of their own, which exist only while lookups are under way.
public final class SystemNameLookup: NameLookup {
    private struct Threads {
        var pool: NIOThreadPool?
        /// Lookups that run or wait.
        var pending = 0
    }

    private let maximumThreads: Int
    private let maximumPending: Int
    private let threads = Mutex(Threads())

    /// - Parameters:
    ///   - maximumThreads: lookups that run at once.
    ///   - maximumPending: lookups that run or wait; more fail with `.overloaded`.
    public init(maximumThreads: Int = 4, maximumPending: Int = 256) {
        self.maximumThreads = max(1, maximumThreads)
        self.maximumPending = max(1, maximumPending)
    }

    public func addresses(
        of name: String,
        family: AddressFamily,
        on loop: any EventLoop
    ) -> EventLoopFuture<[IPAddress]> {
        self.run(on: loop) { SystemNameLookup.hostAddresses(of: name, family: family) }
    }

    public func textRecords(of name: String, on loop: any EventLoop) -> EventLoopFuture<[String]> {
        self.run(on: loop) { SystemNameLookup.textRecords(of: name) }
    }

    /// Runs a blocking call on a thread.
    func run<Answer: Sendable>(
        on loop: any EventLoop,
        _ lookUp: @escaping @Sendable () -> Result<Answer, NameLookupError>
    ) -> EventLoopFuture<Answer> {
        guard let pool = self.enter() else {
            return loop.makeFailedFuture(NameLookupError.overloaded)
        }
        let promise = loop.makePromise(of: Answer.self)
        pool.submit { state in
            switch state {
            case .active: promise.completeWith(lookUp().mapError { $0 })
            case .cancelled: promise.fail(NameLookupError.failed("cancelled"))
            }
            self.leave()
        }
        return promise.futureResult
    }

    /// Takes a place; nil when there is none.
    private func enter() -> NIOThreadPool? {
        self.threads.withLock { threads in
            guard threads.pending < self.maximumPending else {
                return nil
            }
            threads.pending += 1
            if let pool = threads.pool {
                return pool
            }
            let pool = NIOThreadPool(numberOfThreads: self.maximumThreads)
            pool.start()
            threads.pool = pool
            return pool
        }
    }

    /// Gives the place back. The last one out ends the threads.
    private func leave() {
        let idle = self.threads.withLock { threads in
            threads.pending -= 1
            return threads.pending == 0 ? threads.pool.take() : nil
        }
        idle?.shutdownGracefully { _ in }
    }
}

// MARK: - Blocking calls

extension SystemNameLookup {
    private static func hostAddresses(of name: String, family: AddressFamily) -> Result<[IPAddress], NameLookupError> {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_family =
            switch family {
            case .any: AF_UNSPEC
            case .ip4: AF_INET
            case .ip6: AF_INET6
            }
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &list)
        guard status == 0 else {
            return .failure(SystemNameLookup.error(status))
        }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = SystemNameLookup.address(entry), !addresses.contains(address) {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        return addresses.isEmpty ? .failure(.notFound) : .success(addresses)
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let pointer = entry.ai_addr else {
            return nil
        }
        let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: Int(entry.ai_addrlen))
        // ip(7), ipv6(7): where the address is in its sockaddr.
        return switch entry.ai_family {
        case AF_INET: IPAddress(bytes: bytes.dropFirst(4).prefix(4))
        case AF_INET6: IPAddress(bytes: bytes.dropFirst(8).prefix(16))
        default: nil
        }
    }

    private static func error(_ status: CInt) -> NameLookupError {
        switch status {
        case EAI_NONAME: .notFound
        case EAI_AGAIN: .failed("temporary failure in name resolution")
        case EAI_MEMORY: .failed("cannot allocate memory")
        case EAI_SYSTEM: .failed(SystemErrorText.describe(errno: errno))
        default: .failed("name resolution failed (\(status))")
        }
    }

    private static func textRecords(of name: String) -> Result<[String], NameLookupError> {
        // The most a DNS message over TCP can have.
        let capacity = 65_535
        var length: CInt = 0
        let message = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            guard let start = buffer.baseAddress else {
                return
            }
            buffer.initialize(repeating: 0)
            length = cresolver_query_txt(name, 2, start, CInt(capacity))
            count = max(0, min(Int(length), capacity))
        }
        guard length >= 0 else {
            return .failure(length == CRESOLVER_NOT_FOUND.rawValue ? .notFound : .failed("no name server answered"))
        }
        do {
            return .success(try TXTAnswer.parse(message))
        } catch {
            return .failure(error)
        }
    }
}
