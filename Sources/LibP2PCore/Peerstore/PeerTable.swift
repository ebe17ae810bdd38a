import Multiformats
import NIOCore

/// The content of a `MemoryPeerstore`: peers in slots, and two lists that say in which order they are evicted.
struct PeerTable {
    let limits: MemoryPeerstore.Limits

    private var slots: [PeerSlot] = []
    private var freeSlots: [Int] = []
    private var index: [PeerID: Int] = [:]
    /// Peers that are not connected, by standing; connected ones are in no list.
    private var heardOf = RecencyList()
    private var met = RecencyList()
    /// Where the search for expired addresses goes on.
    private var sweepPosition = 0

    private(set) var unconnectedAddresses = 0
    private(set) var metadataBytes = 0

    init(limits: MemoryPeerstore.Limits) {
        self.limits = limits
    }

    var peers: [PeerID] { Array(self.index.keys) }

    func addresses(of peer: PeerID, now: NIODeadline) -> [Multiaddr] {
        guard let slot = self.index[peer] else { return [] }
        return self.slots[slot].addresses
            .filter { $0.expires > now }
            .sorted { $0.lifetime.rank > $1.lifetime.rank }
            .map(\.address)
    }

    func metadata(of peer: PeerID) -> PeerMetadata? {
        self.index[peer].map { self.slots[$0].metadata }
    }

    mutating func addAddresses(
        _ addresses: [Multiaddr],
        of peer: PeerID,
        lifetime: AddressLifetime,
        now: NIODeadline
    ) {
        self.sweep(now: now)
        let slot = self.slotForWriting(peer)
        let expires = lifetime.expiry(from: now)
        let before = self.slots[slot].unconnectedAddressCount
        let limit =
            self.slots[slot].isConnected
            ? self.limits.connectedAddressesPerPeer : self.limits.unconnectedAddressesPerPeer
        for address in addresses {
            self.slots[slot].add(address, lifetime: lifetime, expires: expires, limit: limit, now: now)
        }
        self.unconnectedAddresses += self.slots[slot].unconnectedAddressCount - before
        if lifetime == .permanent {
            self.setStanding(.met, slot: slot)
        }
        self.evictWhileOverLimits()
    }

    /// Forgets the addresses except permanent ones.
    mutating func removeAddresses(of peer: PeerID) {
        guard let slot = self.index[peer] else { return }
        self.changeAddresses(slot) { $0.removeAll { $0.lifetime != .permanent } }
    }

    mutating func updateAddresses(of peer: PeerID, from: AddressLifetime, to: AddressLifetime, now: NIODeadline) {
        guard let slot = self.index[peer] else { return }
        let expires = to.expiry(from: now)
        self.changeAddresses(slot) { addresses in
            for position in addresses.indices where addresses[position].lifetime == from {
                addresses[position].lifetime = to
                addresses[position].expires = expires
            }
        }
        self.evictWhileOverLimits()
    }

    mutating func setConnected(_ isConnected: Bool, peer: PeerID, now: NIODeadline) {
        if isConnected {
            let slot = self.slotForWriting(peer)
            self.unlink(slot)
            self.slots[slot].isConnected = true
            self.slots[slot].standing = .met
            self.evictWhileOverLimits()
            return
        }
        guard let slot = self.index[peer], self.slots[slot].isConnected else { return }
        self.slots[slot].isConnected = false
        self.slots[slot].keepUntil = AddressLifetime.recentlyConnected.expiry(from: now)
        self.link(slot)
        self.updateAddresses(of: peer, from: .connected, to: .recentlyConnected, now: now)
        // The update may have evicted this very peer.
        guard self.index[peer] == slot else { return }
        let kept = self.limits.addressesKeptAfterDisconnect
        self.changeAddresses(slot) { addresses in
            guard addresses.count > kept else { return }
            addresses.sort { $0.lifetime.rank > $1.lifetime.rank }
            let permanent = addresses.prefix { $0.lifetime == .permanent }.count
            addresses.removeLast(addresses.count - max(kept, permanent))
        }
    }

    mutating func updateMetadata(of peer: PeerID, _ change: (inout PeerMetadata) -> Void) {
        let slot = self.slotForWriting(peer)
        let before = self.slots[slot].metadata.byteCount
        change(&self.slots[slot].metadata)
        self.metadataBytes += self.slots[slot].metadata.byteCount - before
        self.evictWhileOverLimits()
    }

    mutating func remove(_ peer: PeerID) {
        guard let slot = self.index[peer], !self.slots[slot].isConnected else { return }
        self.removeSlot(slot)
    }
}

// MARK: - Slots and eviction

extension PeerTable {
    /// The peer's slot, newly taken if need be; an unconnected peer becomes the last of its standing to go.
    private mutating func slotForWriting(_ peer: PeerID) -> Int {
        if let slot = self.index[peer] {
            if !self.slots[slot].isConnected {
                self.unlink(slot)
                self.link(slot)
            }
            return slot
        }
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
            self.slots[slot] = PeerSlot(peer: peer)
        } else {
            slot = self.slots.count
            self.slots.append(PeerSlot(peer: peer))
        }
        self.index[peer] = slot
        self.link(slot)
        return slot
    }

    private mutating func removeSlot(_ slot: Int) {
        self.unlink(slot)
        self.unconnectedAddresses -= self.slots[slot].unconnectedAddressCount
        self.metadataBytes -= self.slots[slot].metadata.byteCount
        if let peer = self.slots[slot].peer {
            self.index[peer] = nil
        }
        self.slots[slot] = PeerSlot(peer: nil)
        self.freeSlots.append(slot)
    }

    private mutating func changeAddresses(_ slot: Int, _ change: (inout [PeerAddress]) -> Void) {
        let before = self.slots[slot].unconnectedAddressCount
        change(&self.slots[slot].addresses)
        self.unconnectedAddresses += self.slots[slot].unconnectedAddressCount - before
    }

    private mutating func evictWhileOverLimits() {
        while self.index.count > self.limits.peers || self.unconnectedAddresses > self.limits.unconnectedAddresses
            || self.metadataBytes > self.limits.metadataBytes
        {
            guard let slot = self.heardOf.oldest ?? self.met.oldest else { return }
            self.removeSlot(slot)
        }
    }

    /// Looks at the next few slots and drops what has expired there, so that no timer and no full pass is needed.
    private mutating func sweep(now: NIODeadline) {
        for _ in 0..<min(4, self.slots.count) {
            self.sweepPosition = (self.sweepPosition + 1) % self.slots.count
            let slot = self.sweepPosition
            guard self.slots[slot].peer != nil else { continue }
            self.changeAddresses(slot) { $0.removeAll { $0.expires <= now } }
            guard self.slots[slot].addresses.isEmpty, !self.slots[slot].isConnected else { continue }
            if let keepUntil = self.slots[slot].keepUntil {
                if keepUntil <= now {
                    self.removeSlot(slot)
                }
            } else {
                self.slots[slot].keepUntil = AddressLifetime.recentlyConnected.expiry(from: now)
            }
        }
    }

    private mutating func setStanding(_ standing: PeerSlot.Standing, slot: Int) {
        guard !self.slots[slot].isConnected, self.slots[slot].standing != standing else { return }
        self.unlink(slot)
        self.slots[slot].standing = standing
        self.link(slot)
    }
}

// MARK: - Lists through the slots

extension PeerTable {
    /// Puts the slot at the young end of the list of its standing.
    private mutating func link(_ slot: Int) {
        guard !self.slots[slot].isLinked else { return }
        let list = self.slots[slot].standing == .met ? self.met : self.heardOf
        self.slots[slot].older = list.youngest
        self.slots[slot].younger = nil
        self.slots[slot].isLinked = true
        if let youngest = list.youngest {
            self.slots[youngest].younger = slot
        }
        self.store(RecencyList(oldest: list.oldest ?? slot, youngest: slot), for: slot)
    }

    private mutating func unlink(_ slot: Int) {
        guard self.slots[slot].isLinked else { return }
        var list = self.slots[slot].standing == .met ? self.met : self.heardOf
        let older = self.slots[slot].older
        let younger = self.slots[slot].younger
        if let older { self.slots[older].younger = younger } else { list.oldest = younger }
        if let younger { self.slots[younger].older = older } else { list.youngest = older }
        self.slots[slot].older = nil
        self.slots[slot].younger = nil
        self.slots[slot].isLinked = false
        self.store(list, for: slot)
    }

    private mutating func store(_ list: RecencyList, for slot: Int) {
        switch self.slots[slot].standing {
        case .heardOf: self.heardOf = list
        case .met: self.met = list
        }
    }
}

/// The ends of a list that runs through the slots.
private struct RecencyList {
    var oldest: Int?
    var youngest: Int?
}
