public import Multiformats
import Synchronization

/// What one connection counts for. Close it when the connection has ended; dropping it closes it too.
public final class ConnectionScope: @unchecked Sendable {
    // Unchecked: the variables are touched under the manager's lock only.

    private let manager: ResourceManager
    private let request: ResourceRequest
    private let ip: IPAddress?
    private var peer: PeerID?
    private var memoryBytes = 0
    private var isClosed = false

    init(manager: ResourceManager, request: ResourceRequest, ip: IPAddress?) {
        self.manager = manager
        self.request = request
        self.ip = ip
    }

    deinit {
        self.close()
    }

    /// Counts the connection for its peer and no longer as transient. Only the first call has an effect.
    ///
    /// - Throws: `.limitExceeded` when the peer has too many; the connection stays transient and is to be closed.
    public func attach(to peer: PeerID) throws(ResourceError) {
        try self.manager.counted { (state: inout ResourceManager.State) throws(ResourceError) in
            guard !self.isClosed else { throw .scopeClosed }
            guard self.peer == nil else { return }
            var usage = state.peers[peer] ?? ResourceUsage()
            try self.request.check(usage, self.manager.limits.peer, scope: "peer")
            let memory = ResourceRequest.memory(self.memoryBytes)
            try memory.check(usage, self.manager.limits.peer, scope: "peer")
            self.request.add(to: &usage)
            memory.add(to: &usage)
            state.peers[peer] = usage
            self.request.remove(from: &state.transient)
            memory.remove(from: &state.transient)
            self.peer = peer
        }
    }

    /// Counts a stream of this connection, which has a peer by then.
    public func openStream(_ direction: Direction) throws(ResourceError) -> StreamScope {
        let request = ResourceRequest.stream(direction)
        let peer = try self.manager.counted { (state: inout ResourceManager.State) throws(ResourceError) -> PeerID in
            guard !self.isClosed, let peer = self.peer else { throw .scopeClosed }
            var usage = state.peers[peer] ?? ResourceUsage()
            try request.check(usage, self.manager.limits.peer, scope: "peer")
            try request.check(state.transient, self.manager.limits.transient, scope: "transient")
            try request.check(state.system, self.manager.limits.system, scope: "system")
            request.add(to: &usage)
            request.add(to: &state.transient)
            request.add(to: &state.system)
            state.peers[peer] = usage
            return peer
        }
        return StreamScope(manager: self.manager, peer: peer, request: request)
    }

    /// Counts memory the connection is about to use.
    ///
    /// - Parameter bytes: not negative.
    public func reserveMemory(_ bytes: Int) throws(ResourceError) {
        let request = ResourceRequest.memory(max(0, bytes))
        try self.manager.counted { (state: inout ResourceManager.State) throws(ResourceError) in
            guard !self.isClosed else { throw .scopeClosed }
            var own = ResourceUsage()
            own.memoryBytes = self.memoryBytes
            try request.check(own, self.manager.limits.connection, scope: "connection")
            try request.check(state.system, self.manager.limits.system, scope: "system")
            if let peer = self.peer {
                var usage = state.peers[peer] ?? ResourceUsage()
                try request.check(usage, self.manager.limits.peer, scope: "peer")
                request.add(to: &usage)
                state.peers[peer] = usage
            } else {
                try request.check(state.transient, self.manager.limits.transient, scope: "transient")
                request.add(to: &state.transient)
            }
            request.add(to: &state.system)
            self.memoryBytes += max(0, bytes)
        }
    }

    /// Gives reserved memory back; never more than was reserved.
    public func releaseMemory(_ bytes: Int) {
        self.manager.state.withLock { state in
            guard !self.isClosed else { return }
            self.release(max(0, min(bytes, self.memoryBytes)), in: &state)
        }
    }

    /// Ends the counting. Idempotent.
    public func close() {
        self.manager.state.withLock { state in
            guard !self.isClosed else { return }
            self.release(self.memoryBytes, in: &state)
            self.isClosed = true
            self.request.remove(from: &state.system)
            if let peer = self.peer {
                self.request.remove(from: &state.peers, at: peer)
            } else {
                self.request.remove(from: &state.transient)
            }
            if let ip = self.ip {
                state.addresses.release(ip)
            }
        }
    }

    private func release(_ bytes: Int, in state: inout ResourceManager.State) {
        guard bytes > 0 else { return }
        let request = ResourceRequest.memory(bytes)
        request.remove(from: &state.system)
        if let peer = self.peer {
            request.remove(from: &state.peers, at: peer)
        } else {
            request.remove(from: &state.transient)
        }
        self.memoryBytes -= bytes
    }
}

/// What one stream counts for. Close it when the stream has ended; dropping it closes it too.
public final class StreamScope: @unchecked Sendable {
    // Unchecked: the variables are touched under the manager's lock only.

    private let manager: ResourceManager
    private let peer: PeerID
    private let request: ResourceRequest
    private var protocolID: ProtocolID?
    private var isClosed = false

    init(manager: ResourceManager, peer: PeerID, request: ResourceRequest) {
        self.manager = manager
        self.peer = peer
        self.request = request
    }

    deinit {
        self.close()
    }

    /// Counts the stream for its protocol and no longer as transient. Only the first call has an effect.
    ///
    /// - Throws: `.limitExceeded`; the stream stays transient and is to be reset.
    public func attach(to protocolID: ProtocolID) throws(ResourceError) {
        try self.manager.counted { (state: inout ResourceManager.State) throws(ResourceError) in
            guard !self.isClosed else { throw .scopeClosed }
            guard self.protocolID == nil else { return }
            let key = ResourceManager.ProtocolPeer(protocolID: protocolID, peer: self.peer)
            var ofProtocol = state.protocols[protocolID] ?? ResourceUsage()
            var ofBoth = state.protocolPeers[key] ?? ResourceUsage()
            try self.request.check(ofProtocol, self.manager.limits.protocol, scope: "protocol \(protocolID)")
            try self.request.check(
                ofBoth,
                self.manager.limits.protocolPeer,
                scope: "protocol \(protocolID) with this peer"
            )
            self.request.add(to: &ofProtocol)
            self.request.add(to: &ofBoth)
            state.protocols[protocolID] = ofProtocol
            state.protocolPeers[key] = ofBoth
            self.request.remove(from: &state.transient)
            self.protocolID = protocolID
        }
    }

    /// Ends the counting. Idempotent.
    public func close() {
        self.manager.state.withLock { state in
            guard !self.isClosed else { return }
            self.isClosed = true
            self.request.remove(from: &state.system)
            self.request.remove(from: &state.peers, at: self.peer)
            if let protocolID = self.protocolID {
                self.request.remove(from: &state.protocols, at: protocolID)
                let key = ResourceManager.ProtocolPeer(protocolID: protocolID, peer: self.peer)
                self.request.remove(from: &state.protocolPeers, at: key)
            } else {
                self.request.remove(from: &state.transient)
            }
        }
    }
}
