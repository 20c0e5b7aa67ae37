// SPDX-License-Identifier: Apache-2.0

package remoting

// Code is what a request asks for, or how it was answered.
type Code int32

// Codes of requests. Those above 32767 do not fit the binary header: such requests go as JSON.
const (
	PullMessage            Code = 11
	QueryMessage           Code = 12
	QueryConsumerOffset    Code = 14
	UpdateConsumerOffset   Code = 15
	CreateTopic            Code = 17
	AllTopicConfigs        Code = 21
	UpdateBrokerConfig     Code = 25
	GetBrokerConfig        Code = 26
	BrokerRuntime          Code = 28
	SearchOffset           Code = 29
	MaxOffset              Code = 30
	MinOffset              Code = 31
	EarliestStoreTime      Code = 32
	ViewMessage            Code = 33
	HeartBeat              Code = 34
	UnregisterClient       Code = 35
	SendBack               Code = 36
	EndTransaction         Code = 37
	CheckTransaction       Code = 39
	NotifyConsumersChanged Code = 40
	TopicRoute             Code = 105
	ClusterInfo            Code = 106
	CreateGroup            Code = 200
	AllGroupConfigs        Code = 201
	TopicStats             Code = 202
	ConsumerConnections    Code = 203
	ProducerConnections    Code = 204
	WipeWritePerm          Code = 205
	AllTopics              Code = 206
	DeleteGroup            Code = 207
	ConsumeStats           Code = 208
	DeleteTopic            Code = 215
	DeleteTopicInNamesrv   Code = 216
	ResetOffset            Code = 222
	TopicsByCluster        Code = 224
	TopicConsumers         Code = 300
	SendMessage            Code = 310
	SendBatch              Code = 320
	AddWritePerm           Code = 327
	ConsumedTopics         Code = 343 // QUERY_TOPICS_BY_CONSUMER: topics in which a group has offsets
	TopicConfig            Code = 351
	GroupConfig            Code = 352
	RecallMessage          Code = 370
	ControllerMetadata     Code = 1005
	SyncStateSet           Code = 1006
	CreateUser             Code = 3001
	UpdateUser             Code = 3002
	DeleteUser             Code = 3003
	GetUser                Code = 3004
	ListUsers              Code = 3005
	CreateACL              Code = 3006
	UpdateACL              Code = 3007
	DeleteACL              Code = 3008
	GetACL                 Code = 3009
	ListACL                Code = 3010
	PopMessage             Code = 200050
	AckMessage             Code = 200051
	PeekMessage            Code = 200052
	ChangeInvisible        Code = 200053
	Notification           Code = 200054
	PollingInfo            Code = 200055
	BatchAck               Code = 200151
)

// Codes of answers.
const (
	Success              Code = 0
	SystemError          Code = 1
	SystemBusy           Code = 2
	NotSupported         Code = 3
	TransactionFailed    Code = 4
	FlushDiskTimeout     Code = 10
	SlaveNotAvailable    Code = 11
	FlushSlaveTimeout    Code = 12
	MessageIllegal       Code = 13
	ServiceNotAvailable  Code = 14
	VersionNotSupported  Code = 15
	NoPermission         Code = 16
	TopicNotExist        Code = 17
	TopicExistAlready    Code = 18
	PullNotFound         Code = 19
	PullRetryImmediately Code = 20
	PullOffsetMoved      Code = 21
	QueryNotFound        Code = 22
	SubscriptionParse    Code = 23
	SubscriptionNotExist Code = 24
	SubscriptionNotLast  Code = 25
	GroupNotExist        Code = 26
	InvalidParameter     Code = 29
	ConsumerNotOnline    Code = 206
	NoMessage            Code = 208
	PollingFull          Code = 209
	PollingTimeout       Code = 210
	BrokerNotExist       Code = 211
	FlowControl          Code = 215
	NotLeaderForQueue    Code = 501
	IllegalOperation     Code = 604
	GoAway               Code = 1500
	UserNotExist         Code = 3001
	PolicyNotExist       Code = 3002
)
