import Glibc
import LibP2PCore
import Multiformats

/// `p2pctl key`: makes, shows and converts identity keys. Needs no daemon.
enum KeyCommand {
    static let help = """
        Usage:
          p2pctl key generate [--type ed25519|rsa|secp256k1|ecdsa] [--bits N] [--force] FILE
          p2pctl key show FILE
          p2pctl key convert FILE --to protobuf|base64|pem [--output FILE] [--force]

        Identity files hold the libp2p PrivateKey protobuf. show and convert also read its base64 and PEM keys
        (PKCS #8; PKCS #1 for RSA, SEC 1 for ECDSA). PEM cannot hold secp256k1 keys.
        """

    /// Runs with the arguments after `key`.
    ///
    /// - Returns: the exit code: 0, 1 when it failed, 2 when the arguments are wrong.
    static func run(_ arguments: [String]) -> Int32 {
        do throws(KeyCommandError) {
            try self.perform(arguments)
            return 0
        } catch {
            // When not even standard error takes it, the exit code still tells.
            try? KeyFile.writeAll(Array("p2pctl key: \(error)\n".utf8), to: STDERR_FILENO, named: "standard error")
            if case .usage = error { return 2 }
            return 1
        }
    }

    private static func perform(_ arguments: [String]) throws(KeyCommandError) {
        guard let verb = arguments.first else { throw .usage("generate, show or convert?") }
        let options = try KeyOptions(arguments.dropFirst())
        switch verb {
        case "generate": try self.generate(options)
        case "show": try self.show(options)
        case "convert": try self.convert(options)
        case "help", "--help", "-h": print(self.help)
        default: throw .usage("unknown command \"\(verb)\"")
        }
    }

    private static func generate(_ options: KeyOptions) throws(KeyCommandError) {
        try options.allow(["--type", "--bits", "--force"])
        let path = try options.file()
        let type = try options.keyType()
        let bits = try options.bits(for: type)
        let key: PrivateKey
        do {
            key = try PrivateKey.generate(type, rsaBits: bits)
        } catch {
            throw .key(error)
        }
        var bytes = key.protobuf
        defer { SecretBytes.wipe(&bytes) }
        try KeyFile.write(bytes, to: path, replacing: options.force)
        print("Peer ID: \(key.peerID)")
    }

    private static func show(_ options: KeyOptions) throws(KeyCommandError) {
        try options.allow([])
        let key = try KeyFile.read(options.file())
        print("Type: \(key.type)")
        print("Peer ID: \(key.peerID)")
        print("Peer ID (CID): \(key.peerID.cidText(.base36))")
        print("Public key (base64): \(Multibase.base64Pad.encodeWithoutPrefix(key.publicKey.protobuf))")
        print("Public key (hex): \(Multibase.base16.encodeWithoutPrefix(key.publicKey.protobuf))")
    }

    private static func convert(_ options: KeyOptions) throws(KeyCommandError) {
        try options.allow(["--to", "--output", "--force"])
        guard let format = options["--to"].flatMap(KeyFormat.init(rawValue:)) else {
            throw .usage("--to takes protobuf, base64 or pem")
        }
        let key = try KeyFile.read(options.file())
        var bytes: [UInt8]
        do {
            bytes = try format.encode(key)
        } catch {
            throw .key(error)
        }
        defer { SecretBytes.wipe(&bytes) }
        if let output = options["--output"] {
            try KeyFile.write(bytes, to: output, replacing: options.force)
        } else {
            try KeyFile.writeAll(bytes, to: STDOUT_FILENO, named: "standard output")
        }
    }
}

/// Why `p2pctl key` failed.
enum KeyCommandError: Error, CustomStringConvertible {
    /// There is a file that would be lost.
    case fileExists(String)
    /// The key cannot be made, read or written in this form.
    case key(KeyError)
    /// The system refused; what, the path and its words.
    case system(String, String, errno: Int32)
    /// The file is too long to be a key.
    case tooLarge(String)
    /// The arguments are wrong.
    case usage(String)

    var description: String {
        switch self {
        case .fileExists(let path): "\(path) exists; --force replaces it, and the identity in it is lost"
        case .key(.generationFailed): "the system could not make a key"
        case .key(.malformed(let reason)): "not a usable private key: \(reason)"
        case .key(.rsaKeyTooLarge(let bits)): "an RSA key of \(bits) bits is too large: at most 8192"
        case .key(.rsaKeyTooSmall(let bits)): "an RSA key of \(bits) bits is too small: at least 2048"
        case .key(.signingFailed): "the key cannot sign"
        case .key(.unsupportedType(let type)): "keys of type \(KeyOptions.name(ofType: type)) have no such form"
        case .system(let action, let path, let code): "cannot \(action) \(path): \(String(cString: strerror(code)))"
        case .tooLarge(let path): "\(path) is too long to be a key"
        case .usage(let reason): "\(reason)\n\n\(KeyCommand.help)"
        }
    }
}
