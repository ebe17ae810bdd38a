import LibP2PCore
import Multiformats
import Testing

@testable import P2PControl

@Suite struct RegistrationTableTests {
    private static let alice = HandlerOwner(uid: 1000)
    private static let bob = HandlerOwner(uid: 1001)
    private static let root = HandlerOwner(uid: 0)

    private static func target(_ port: Int, owner: HandlerOwner = alice) throws -> RegistrationTable.Target {
        .endpoint(try HandlerAddress(Multiaddr("/ip4/127.0.0.1/tcp/\(port)")), owner: owner)
    }

    private static func table() -> RegistrationTable {
        RegistrationTable(limits: RegistrationLimits())
    }

    private static func turns(_ table: inout RegistrationTable, _ count: Int) -> [RegistrationTable.Target?] {
        (0..<count).map { _ in table.next(for: "/a", except: [])?.target }
    }

    @Test func handlersTakeTurnsFromTheFirst() throws {
        var table = Self.table()
        for port in 1...3 {
            try table.add(Self.target(port), for: ["/a"], policy: .takeTurns, owner: Self.alice)
        }

        let expected = try [1, 2, 3, 1, 2].map { try Self.target($0) }
        #expect(Self.turns(&table, 5) == expected)
    }

    @Test func aRemovalLeavesTheTurnWhereItIs() throws {
        var table = Self.table()
        for port in 1...3 {
            try table.add(Self.target(port), for: ["/a"], policy: .takeTurns, owner: Self.alice)
        }
        _ = Self.turns(&table, 1)

        try table.remove(Multiaddr("/ip4/127.0.0.1/tcp/1"), for: ["/a"], owner: Self.alice)

        let expected = try [2, 3, 2].map { try Self.target($0) }
        #expect(Self.turns(&table, 3) == expected)
    }

    @Test func theSameAddressMayTakeTwoTurnsAndIsRemovedOnce() throws {
        var table = Self.table()
        for port in [1, 1, 2] {
            try table.add(Self.target(port), for: ["/a"], policy: .takeTurns, owner: Self.alice)
        }

        try table.remove(Multiaddr("/ip4/127.0.0.1/tcp/1"), for: ["/a"], owner: Self.alice)

        let expected = try [1, 2, 1].map { try Self.target($0) }
        #expect(Self.turns(&table, 3) == expected)
    }

    @Test func handlersThatFailedAreLeftOutForThatStream() throws {
        var table = Self.table()
        for port in 1...2 {
            try table.add(Self.target(port), for: ["/a"], policy: .takeTurns, owner: Self.alice)
        }
        let one = table.next(for: "/a", except: [])
        let first = try #require(one)
        let other = table.next(for: "/a", except: [first.id])
        let second = try #require(other)

        #expect(first.id != second.id)
        let none = table.next(for: "/a", except: [first.id, second.id])
        #expect(none == nil)
    }

    @Test func whatHasReplacedAFailedHandlerIsNotDropped() throws {
        var table = Self.table()
        try table.add(Self.target(1), for: ["/a"], policy: .replace, owner: Self.alice)
        let turn = table.next(for: "/a", except: [])
        let failed = try #require(turn)
        try table.add(Self.target(2), for: ["/a"], policy: .replace, owner: Self.alice)

        table.drop(failed.id, of: "/a")

        let next = table.next(for: "/a", except: [])
        #expect(try next?.target == Self.target(2))
    }

    @Test(arguments: [RegistrationPolicy.replace, .takeTurns])
    func anotherUserCannotTakeAHandler(_ policy: RegistrationPolicy) throws {
        var table = Self.table()
        try table.add(Self.target(1), for: ["/a"], policy: .replace, owner: Self.alice)

        #expect(throws: RegistrationError.otherOwner("/a")) {
            try table.add(Self.target(2), for: ["/a"], policy: policy, owner: Self.bob)
        }
        #expect(throws: RegistrationError.otherOwner("/a")) {
            try table.add(Self.target(2), for: ["/a"], policy: policy, owner: HandlerOwner(uid: nil))
        }
        #expect(throws: Never.self) {
            try table.add(Self.target(2), for: ["/a"], policy: policy, owner: Self.root)
        }
    }

    @Test func anotherUserIsToldThatAHandlerDoesNotExist() throws {
        var table = Self.table()
        try table.add(Self.target(1), for: ["/a"], policy: .replace, owner: Self.alice)

        #expect(throws: RegistrationError.doesNotExist("/a")) {
            try table.remove(Multiaddr("/ip4/127.0.0.1/tcp/1"), for: ["/a"], owner: Self.bob)
        }
        #expect(throws: Never.self) {
            try table.remove(Multiaddr("/ip4/127.0.0.1/tcp/1"), for: ["/a"], owner: Self.root)
        }
        #expect(table.protocols.isEmpty)
    }

    @Test func oneRefusedProtocolRefusesAll() throws {
        var table = Self.table()
        try table.add(Self.target(1), for: ["/b"], policy: .exclusive, owner: Self.alice)

        #expect(throws: RegistrationError.alreadySet("/b")) {
            try table.add(Self.target(2), for: ["/a", "/b"], policy: .exclusive, owner: Self.alice)
        }
        #expect(throws: RegistrationError.doesNotExist("/a")) {
            try table.remove(Multiaddr("/ip4/127.0.0.1/tcp/1"), for: ["/b", "/a"], owner: Self.alice)
        }

        #expect(table.protocols == ["/b"])
    }

    @Test func streamsAndUnaryCallsDoNotShareAProtocol() throws {
        var table = Self.table()
        let connection = RegistrationTable.Target.persistentConnection(PersistentConnectionID(rawValue: 1))
        try table.add(Self.target(1), for: ["/streams"], policy: .replace, owner: Self.alice)
        try table.add(connection, for: ["/unary"], policy: .takeTurns, owner: Self.alice)

        #expect(throws: RegistrationError.alreadySet("/streams")) {
            try table.add(connection, for: ["/streams"], policy: .takeTurns, owner: Self.alice)
        }
        #expect(throws: RegistrationError.alreadySet("/unary")) {
            try table.add(Self.target(1), for: ["/unary"], policy: .replace, owner: Self.alice)
        }
    }

    @Test func everythingOfAPersistentConnectionGoesAtOnce() throws {
        var table = Self.table()
        let one = PersistentConnectionID(rawValue: 1)
        let other = PersistentConnectionID(rawValue: 2)
        try table.add(.persistentConnection(one), for: ["/a", "/b"], policy: .takeTurns, owner: Self.alice)
        try table.add(.persistentConnection(other), for: ["/b"], policy: .takeTurns, owner: Self.alice)

        #expect(table.removeAll(of: one).sorted() == ["/a", "/b"])
        #expect(table.protocols == ["/b"])
        #expect(throws: RegistrationError.notOfThisConnection("/b")) { try table.remove("/b", of: one) }
        #expect(throws: RegistrationError.doesNotExist("/a")) { try table.remove("/a", of: one) }
    }

    @Test func limitsHold() throws {
        var limits = RegistrationLimits()
        limits.maximumProtocols = 2
        limits.maximumTargets = 2
        var table = RegistrationTable(limits: limits)
        try table.add(Self.target(1), for: ["/a", "/b"], policy: .takeTurns, owner: Self.alice)
        try table.add(Self.target(2), for: ["/a"], policy: .takeTurns, owner: Self.alice)

        #expect(throws: RegistrationError.tooManyProtocols(2)) {
            try table.add(Self.target(1), for: ["/c"], policy: .takeTurns, owner: Self.alice)
        }
        #expect(throws: RegistrationError.tooManyTargets("/a", 2)) {
            try table.add(Self.target(3), for: ["/a"], policy: .takeTurns, owner: Self.alice)
        }
    }
}
