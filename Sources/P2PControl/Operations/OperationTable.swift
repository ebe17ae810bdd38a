/// Every operation there is.
package enum OperationTable {
    package static let all: [any Operation.Type] = [
        Connect.self,
        DHTFindPeer.self,
        DHTFindPeersConnectedToPeer.self,
        DHTFindProviders.self,
        DHTGetClosestPeers.self,
        DHTGetPublicKey.self,
        DHTGetValue.self,
        DHTProvide.self,
        DHTPutValue.self,
        DHTSearchValue.self,
        Disconnect.self,
        Identify.self,
        Peers.self,
        PeerstoreAddresses.self,
        PeerstoreProtocols.self,
        PersistentUpgrade.self,
        PubSubPeers.self,
        PubSubPublish.self,
        PubSubSubscribe.self,
        PubSubTopics.self,
        StreamHandle.self,
        StreamOpen.self,
        StreamUnhandle.self,
        Tag.self,
        Trim.self,
        Untag.self,
        Version.self,
    ]

    /// The names, sorted.
    package static let names: [String] = OperationTable.all.map { $0.declaration.name }.sorted()

    /// Finds an operation by its place in the protobuf encoding.
    package static func operation(_ number: OperationDeclaration.ProtobufNumber) -> (any Operation.Type)? {
        OperationTable.byProtobufNumber[number]
    }

    /// Finds an operation by its name.
    package static func operation(named name: String) -> (any Operation.Type)? {
        OperationTable.byName[name]
    }

    private static let byProtobufNumber: [OperationDeclaration.ProtobufNumber: any Operation.Type] = {
        var table: [OperationDeclaration.ProtobufNumber: any Operation.Type] = [:]
        for operation in OperationTable.all {
            if let number = operation.declaration.protobuf {
                table[number] = operation
            }
        }
        return table
    }()

    private static let byName: [String: any Operation.Type] = {
        var table: [String: any Operation.Type] = [:]
        for operation in OperationTable.all {
            table[operation.declaration.name] = operation
        }
        return table
    }()
}
