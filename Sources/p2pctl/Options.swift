import Glibc
import LibP2PCore
import Multiformats
import P2PControl

/// The command line, taken apart bit by bit: options may stand anywhere before `--` or the operands they do not belong to.
struct Options {
    private(set) var rest: [String]
    private(set) var wantsHelp = false
    private(set) var wantsJSON = false
    private(set) var timeoutSeconds = 60
    private var control: String?

    init(_ arguments: [String]) {
        self.rest = arguments
    }

    /// Takes the global options in front of the command, and the command; nil when there is none.
    mutating func takeCommand() throws(CommandError) -> String? {
        while let first = self.rest.first {
            guard first.hasPrefix("-") else {
                self.rest.removeFirst()
                // `key` has options of its own.
                if first != "key" {
                    try self.takeGlobals()
                }
                return first
            }
            guard try self.takeGlobal(at: 0) else {
                throw .usage("unknown option \"\(first)\". Try: p2pctl help")
            }
        }
        return self.wantsHelp ? "help" : nil
    }

    /// Takes global options from behind the command, up to `--` or `--exec`.
    private mutating func takeGlobals() throws(CommandError) {
        var index = 0
        while index < self.rest.count, self.rest[index] != "--", self.rest[index] != "--exec" {
            if try !self.takeGlobal(at: index) {
                index += 1
            }
        }
    }

    private mutating func takeGlobal(at index: Int) throws(CommandError) -> Bool {
        switch self.rest[index] {
        case "-h", "--help":
            self.rest.remove(at: index)
            self.wantsHelp = true
        case "--json":
            self.rest.remove(at: index)
            self.wantsJSON = true
        case "--control":
            self.control = try self.takeValue(at: index)
        case "--timeout":
            let value = try self.takeValue(at: index)
            guard let seconds = Int(value), (1...86_400).contains(seconds) else {
                throw .usage("--timeout needs seconds, 1 to 86400")
            }
            self.timeoutSeconds = seconds
        default:
            return false
        }
        return true
    }

    private mutating func takeValue(at index: Int) throws(CommandError) -> String {
        let name = self.rest.remove(at: index)
        guard index < self.rest.count else {
            throw .usage("\(name) needs a value")
        }
        return self.rest.remove(at: index)
    }

    /// Takes a flag of the command, wherever it stands before `--` or `--exec`.
    mutating func takeFlag(_ name: String) -> Bool {
        let end = self.rest.firstIndex { $0 == "--" || $0 == "--exec" } ?? self.rest.count
        guard let index = self.rest[..<end].firstIndex(of: name) else {
            return false
        }
        self.rest.remove(at: index)
        return true
    }

    /// Takes the next operand.
    mutating func takeOperand(_ what: String) throws(CommandError) -> String {
        guard let first = self.rest.first else {
            throw .usage("\(what) is missing. Try: p2pctl help")
        }
        guard !first.hasPrefix("-") else {
            throw .usage("unknown option \"\(first)\". Try: p2pctl help")
        }
        return self.rest.removeFirst()
    }

    /// Takes all operands that are left; at least one.
    mutating func takeOperands(_ what: String) throws(CommandError) -> [String] {
        var operands = [try self.takeOperand(what)]
        while let next = self.rest.first, next != "--", next != "--exec" {
            operands.append(try self.takeOperand(what))
        }
        return operands
    }

    /// Takes everything behind an option that ends the others.
    mutating func takeAll(behind name: String) -> [String]? {
        guard let index = self.rest.firstIndex(of: name) else {
            return nil
        }
        defer { self.rest.removeSubrange(index...) }
        return Array(self.rest[(index + 1)...])
    }

    func end() throws(CommandError) {
        if let first = self.rest.first {
            throw .usage("\"\(first)\" is too much. Try: p2pctl help")
        }
    }
}

extension Options {
    /// Connects to the daemon that was named, or else the one that is there.
    func client() throws(CommandError) -> ControlClient {
        let address = try self.controlAddress()
        do {
            return try ControlClient(address)
        } catch {
            throw .daemon(error)
        }
    }

    /// `--control`, `P2PD_CONTROL`, the system's socket when there is one, else that of a daemon started by hand.
    private func controlAddress() throws(CommandError) -> ControlAddress {
        if let text = self.control ?? getenv("P2PD_CONTROL").map({ String(cString: $0) }), !text.isEmpty {
            guard let address = ControlAddress(text) else {
                throw .usage("\"\(text)\" is no control address: a path, /unix/PATH or /ip4/ADDRESS/tcp/PORT")
            }
            return address
        }
        if case .unix(let path) = ControlAddress.system, access(path, F_OK) == 0 {
            return .system
        }
        return .byHand
    }

    /// Reads a peer ID, or an address that ends in one.
    static func peer(_ text: String) throws(CommandError) -> (peer: PeerID, address: Multiaddr?) {
        if text.hasPrefix("/") {
            let address: Multiaddr
            do {
                address = try Multiaddr(text)
            } catch {
                throw .usage("\"\(text)\" is no address: \(error)")
            }
            guard let peer = address.peerID else {
                throw .usage("\"\(text)\" does not end in /p2p/PEER, so nobody knows whom to expect there")
            }
            let rest = address.withoutPeerID
            return (peer, rest.bytes.isEmpty ? nil : rest)
        }
        do {
            return (try PeerID(text), nil)
        } catch {
            throw .usage("\"\(text)\" is no peer ID: \(error)")
        }
    }
}
