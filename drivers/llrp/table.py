"""Every message, parameter and enumeration of LLRP 1.0.1 and 1.1, and Impinj's extensions, one a row.

Made by tests/drivers/make_llrp_table.py from the LLRP Toolkit's definitions (tests/fixtures/llrp/ORIGIN.md); do not
edit. A row goes on in indented lines.

    M number|NAME|fields|parameters|RESPONSE      a message; P: a TLV parameter, T: a TV parameter
    M vendor/subtype|…                            within CUSTOM_MESSAGE; P vendor/subtype: within Custom
    C |name|parameters                            a choice: the parameters that may stand in its place
    E |name|number=NAME …                         an enumeration; after a slash, what 1.1 calls it

A number with + is new in 1.1. A field is name:type, then =enumeration, then /format; _6 are reserved bits. A parameter
is there once, or ? at most once, * any number, + at least once.
"""

from __future__ import annotations

ROWS = """\
P 128|UTCTimestamp|Microseconds:u64/Datetime
P 129|Uptime|Microseconds:u64
E |AirProtocols|0=Unspecified 1=EPCGlobalClass1Gen2
M 1023|CUSTOM_MESSAGE|VendorIdentifier:u32 MessageSubtype:u8 Data:bytesToEnd/Hex
P 1023|Custom|VendorIdentifier:u32 ParameterSubtype:u32 Data:bytesToEnd/Hex
M 46+|GET_SUPPORTED_VERSION|||GET_SUPPORTED_VERSION_RESPONSE
M 56+|GET_SUPPORTED_VERSION_RESPONSE|CurrentVersion:u8 SupportedVersion:u8|LLRPStatus
M 47+|SET_PROTOCOL_VERSION|ProtocolVersion:u8||SET_PROTOCOL_VERSION_RESPONSE
M 57+|SET_PROTOCOL_VERSION_RESPONSE||LLRPStatus
M 1|GET_READER_CAPABILITIES|RequestedData:u8=GetReaderCapabilitiesRequestedData|Custom*|GET_READER_CAPABILITIES_RESPONSE
E |GetReaderCapabilitiesRequestedData|0=All 1=General_Device_Capabilities 2=LLRP_Capabilities 3=Regulatory_Capabilities
  4=LLRP_Air_Protocol_Capabilities
M 11|GET_READER_CAPABILITIES_RESPONSE||LLRPStatus GeneralDeviceCapabilities? LLRPCapabilities? RegulatoryCapabilities?
  AirProtocolLLRPCapabilities? Custom*
P 137|GeneralDeviceCapabilities|MaxNumberOfAntennaSupported:u16 CanSetAntennaProperties:u1 HasUTCClockCapability:u1 _14
  DeviceManufacturerName:u32 ModelName:u32 ReaderFirmwareVersion:utf8v/UTF8|ReceiveSensitivityTableEntry+
  PerAntennaReceiveSensitivityRange* GPIOCapabilities PerAntennaAirProtocol+
P 139|ReceiveSensitivityTableEntry|Index:u16 ReceiveSensitivityValue:s16
P 149|PerAntennaReceiveSensitivityRange|AntennaID:u16 ReceiveSensitivityIndexMin:u16 ReceiveSensitivityIndexMax:u16
P 140|PerAntennaAirProtocol|AntennaID:u16 ProtocolID:u8v=AirProtocols
P 141|GPIOCapabilities|NumGPIs:u16 NumGPOs:u16
P 142|LLRPCapabilities|CanDoRFSurvey:u1 CanReportBufferFillWarning:u1 SupportsClientRequestOpSpec:u1
  CanDoTagInventoryStateAwareSingulation:u1 SupportsEventAndReportHolding:u1 _3 MaxNumPriorityLevelsSupported:u8
  ClientRequestOpSpecTimeout:u16 MaxNumROSpecs:u32 MaxNumSpecsPerROSpec:u32 MaxNumInventoryParameterSpecsPerAISpec:u32
  MaxNumAccessSpecs:u32 MaxNumOpSpecsPerAccessSpec:u32
P 143|RegulatoryCapabilities|CountryCode:u16 CommunicationsStandard:u16=CommunicationsStandard|UHFBandCapabilities?
  Custom*
E |CommunicationsStandard|0=Unspecified 1=US_FCC_Part_15 2=ETSI_302_208 3=ETSI_300_220 4=Australia_LIPD_1W
  5=Australia_LIPD_4W 6=Japan_ARIB_STD_T89 7=Hong_Kong_OFTA_1049 8=Taiwan_DGT_LP0002 9=Korea_MIC_Article_5_2
P 144|UHFBandCapabilities||TransmitPowerLevelTableEntry+ FrequencyInformation AirProtocolUHFRFModeTable+
P 145|TransmitPowerLevelTableEntry|Index:u16 TransmitPowerValue:s16
P 146|FrequencyInformation|Hopping:u1 _7|FrequencyHopTable* FixedFrequencyTable?
P 147|FrequencyHopTable|HopTableID:u8 _8 Frequency:u32v
P 148|FixedFrequencyTable|Frequency:u32v
M 20|ADD_ROSPEC||ROSpec|ADD_ROSPEC_RESPONSE
M 30|ADD_ROSPEC_RESPONSE||LLRPStatus
M 21|DELETE_ROSPEC|ROSpecID:u32||DELETE_ROSPEC_RESPONSE
M 31|DELETE_ROSPEC_RESPONSE||LLRPStatus
M 22|START_ROSPEC|ROSpecID:u32||START_ROSPEC_RESPONSE
M 32|START_ROSPEC_RESPONSE||LLRPStatus
M 23|STOP_ROSPEC|ROSpecID:u32||STOP_ROSPEC_RESPONSE
M 33|STOP_ROSPEC_RESPONSE||LLRPStatus
M 24|ENABLE_ROSPEC|ROSpecID:u32||ENABLE_ROSPEC_RESPONSE
M 34|ENABLE_ROSPEC_RESPONSE||LLRPStatus
M 25|DISABLE_ROSPEC|ROSpecID:u32||DISABLE_ROSPEC_RESPONSE
M 35|DISABLE_ROSPEC_RESPONSE||LLRPStatus
M 26|GET_ROSPECS|||GET_ROSPECS_RESPONSE
M 36|GET_ROSPECS_RESPONSE||LLRPStatus ROSpec*
P 177|ROSpec|ROSpecID:u32 Priority:u8 CurrentState:u8=ROSpecState|ROBoundarySpec SpecParameter+ ROReportSpec?
E |ROSpecState|0=Disabled 1=Inactive 2=Active
C |SpecParameter|AISpec RFSurveySpec LoopSpec Custom
P 178|ROBoundarySpec||ROSpecStartTrigger ROSpecStopTrigger
P 179|ROSpecStartTrigger|ROSpecStartTriggerType:u8=ROSpecStartTriggerType|PeriodicTriggerValue? GPITriggerValue?
E |ROSpecStartTriggerType|0=Null 1=Immediate 2=Periodic 3=GPI
P 180|PeriodicTriggerValue|Offset:u32 Period:u32|UTCTimestamp?
P 181|GPITriggerValue|GPIPortNum:u16 GPIEvent:u1 _7 Timeout:u32
P 182|ROSpecStopTrigger|ROSpecStopTriggerType:u8=ROSpecStopTriggerType DurationTriggerValue:u32|GPITriggerValue?
E |ROSpecStopTriggerType|0=Null 1=Duration 2=GPI_With_Timeout
P 183|AISpec|AntennaIDs:u16v|AISpecStopTrigger InventoryParameterSpec+ Custom*
P 184|AISpecStopTrigger|AISpecStopTriggerType:u8=AISpecStopTriggerType DurationTrigger:u32|GPITriggerValue?
  TagObservationTrigger?
E |AISpecStopTriggerType|0=Null 1=Duration 2=GPI_With_Timeout 3=Tag_Observation
P 185|TagObservationTrigger|TriggerType:u8=TagObservationTriggerType _8 NumberOfTags:u16 NumberOfAttempts:u16 T:u16
  Timeout:u32
E |TagObservationTriggerType|0=Upon_Seeing_N_Tags_Or_Timeout 1=Upon_Seeing_No_More_New_Tags_For_Tms_Or_Timeout
  2=N_Attempts_To_See_All_Tags_In_FOV_Or_Timeout 3=Upon_Seeing_N_Unique_Tags_Or_Timeout
  4=Upon_Seeing_No_More_New_Unique_Tags_For_Tms_Or_Timeout
P 186|InventoryParameterSpec|InventoryParameterSpecID:u16 ProtocolID:u8=AirProtocols|AntennaConfiguration* Custom*
P 187|RFSurveySpec|AntennaID:u16 StartFrequency:u32 EndFrequency:u32|RFSurveySpecStopTrigger Custom*
P 188|RFSurveySpecStopTrigger|StopTriggerType:u8=RFSurveySpecStopTriggerType DurationPeriod:u32 N:u32
E |RFSurveySpecStopTriggerType|0=Null 1=Duration 2=N_Iterations_Through_Frequency_Range
P 189+|LoopSpec|LoopCount:u16
M 40|ADD_ACCESSSPEC||AccessSpec|ADD_ACCESSSPEC_RESPONSE
M 50|ADD_ACCESSSPEC_RESPONSE||LLRPStatus
M 41|DELETE_ACCESSSPEC|AccessSpecID:u32||DELETE_ACCESSSPEC_RESPONSE
M 51|DELETE_ACCESSSPEC_RESPONSE||LLRPStatus
M 42|ENABLE_ACCESSSPEC|AccessSpecID:u32||ENABLE_ACCESSSPEC_RESPONSE
M 52|ENABLE_ACCESSSPEC_RESPONSE||LLRPStatus
M 43|DISABLE_ACCESSSPEC|AccessSpecID:u32||DISABLE_ACCESSSPEC_RESPONSE
M 53|DISABLE_ACCESSSPEC_RESPONSE||LLRPStatus
M 44|GET_ACCESSSPECS|||GET_ACCESSSPECS_RESPONSE
M 54|GET_ACCESSSPECS_RESPONSE||LLRPStatus AccessSpec*
P 207|AccessSpec|AccessSpecID:u32 AntennaID:u16 ProtocolID:u8=AirProtocols CurrentState:u1=AccessSpecState _7
  ROSpecID:u32|AccessSpecStopTrigger AccessCommand AccessReportSpec? Custom*
E |AccessSpecState|0=Disabled 1=Active
P 208|AccessSpecStopTrigger|AccessSpecStopTrigger:u8=AccessSpecStopTriggerType OperationCountValue:u16
E |AccessSpecStopTriggerType|0=Null 1=Operation_Count
P 209|AccessCommand||AirProtocolTagSpec AccessCommandOpSpec+ Custom*
C |AccessCommandOpSpec|C1G2Read C1G2Write C1G2Kill C1G2Recommission C1G2Lock C1G2BlockErase C1G2BlockWrite
  C1G2BlockPermalock Custom
M 2|GET_READER_CONFIG|AntennaID:u16 RequestedData:u8=GetReaderConfigRequestedData GPIPortNum:u16
  GPOPortNum:u16|Custom*|GET_READER_CONFIG_RESPONSE
E |GetReaderConfigRequestedData|0=All 1=Identification 2=AntennaProperties 3=AntennaConfiguration 4=ROReportSpec
  5=ReaderEventNotificationSpec 6=AccessReportSpec 7=LLRPConfigurationStateValue 8=KeepaliveSpec 9=GPIPortCurrentState
  10=GPOWriteData 11=EventsAndReports
M 12|GET_READER_CONFIG_RESPONSE||LLRPStatus Identification? AntennaProperties* AntennaConfiguration*
  ReaderEventNotificationSpec? ROReportSpec? AccessReportSpec? LLRPConfigurationStateValue? KeepaliveSpec?
  GPIPortCurrentState* GPOWriteData* EventsAndReports? Custom*
M 3|SET_READER_CONFIG|ResetToFactoryDefault:u1 _7|ReaderEventNotificationSpec? AntennaProperties* AntennaConfiguration*
  ROReportSpec? AccessReportSpec? KeepaliveSpec? GPOWriteData* GPIPortCurrentState* EventsAndReports?
  Custom*|SET_READER_CONFIG_RESPONSE
M 13|SET_READER_CONFIG_RESPONSE||LLRPStatus
M 14|CLOSE_CONNECTION|||CLOSE_CONNECTION_RESPONSE
M 4|CLOSE_CONNECTION_RESPONSE||LLRPStatus
P 217|LLRPConfigurationStateValue|LLRPConfigurationStateValue:u32
P 218|Identification|IDType:u8=IdentificationType ReaderID:u8v/Hex
E |IdentificationType|0=MAC_Address 1=EPC
P 219|GPOWriteData|GPOPortNumber:u16 GPOData:u1 _7
P 220|KeepaliveSpec|KeepaliveTriggerType:u8=KeepaliveTriggerType PeriodicTriggerValue:u32
E |KeepaliveTriggerType|0=Null 1=Periodic
P 221|AntennaProperties|AntennaConnected:u1 _7 AntennaID:u16 AntennaGain:s16
P 222|AntennaConfiguration|AntennaID:u16|RFReceiver? RFTransmitter? AirProtocolInventoryCommandSettings*
P 223|RFReceiver|ReceiverSensitivity:u16
P 224|RFTransmitter|HopTableID:u16 ChannelIndex:u16 TransmitPower:u16
P 225|GPIPortCurrentState|GPIPortNum:u16 Config:u1 _7 State:u8=GPIPortState
E |GPIPortState|0=Low 1=High 2=Unknown
P 226|EventsAndReports|HoldEventsAndReportsUponReconnect:u1 _7
M 60|GET_REPORT
M 61|RO_ACCESS_REPORT||TagReportData* RFSurveyReportData* Custom*
M 62|KEEPALIVE
M 72|KEEPALIVE_ACK
M 63|READER_EVENT_NOTIFICATION||ReaderEventNotificationData
M 64|ENABLE_EVENTS_AND_REPORTS
P 237|ROReportSpec|ROReportTrigger:u8=ROReportTriggerType N:u16|TagReportContentSelector Custom*
E |ROReportTriggerType|0=None 1=Upon_N_Tags_Or_End_Of_AISpec/Upon_N_Tags_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec
  2=Upon_N_Tags_Or_End_Of_ROSpec 3=Upon_N_Seconds_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec
  4=Upon_N_Seconds_Or_End_Of_ROSpec 5=Upon_N_Milliseconds_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec
  6=Upon_N_Milliseconds_Or_End_Of_ROSpec
P 238|TagReportContentSelector|EnableROSpecID:u1 EnableSpecIndex:u1 EnableInventoryParameterSpecID:u1 EnableAntennaID:u1
  EnableChannelIndex:u1 EnablePeakRSSI:u1 EnableFirstSeenTimestamp:u1 EnableLastSeenTimestamp:u1 EnableTagSeenCount:u1
  EnableAccessSpecID:u1 _6|AirProtocolEPCMemorySelector*
P 239|AccessReportSpec|AccessReportTrigger:u8=AccessReportTriggerType
E |AccessReportTriggerType|0=Whenever_ROReport_Is_Generated 1=End_Of_AccessSpec
P 240|TagReportData||EPCParameter ROSpecID? SpecIndex? InventoryParameterSpecID? AntennaID? PeakRSSI? ChannelIndex?
  FirstSeenTimestampUTC? FirstSeenTimestampUptime? LastSeenTimestampUTC? LastSeenTimestampUptime? TagSeenCount?
  AirProtocolTagData* AccessSpecID? AccessCommandOpSpecResult* Custom*
C |AccessCommandOpSpecResult|C1G2ReadOpSpecResult C1G2WriteOpSpecResult C1G2KillOpSpecResult C1G2LockOpSpecResult
  C1G2BlockEraseOpSpecResult C1G2BlockWriteOpSpecResult Custom
C |EPCParameter|EPCData EPC_96
P 241|EPCData|EPC:u1v/Hex
T 13|EPC_96|EPC:u96/Hex
T 9|ROSpecID|ROSpecID:u32
T 14|SpecIndex|SpecIndex:u16
T 10|InventoryParameterSpecID|InventoryParameterSpecID:u16
T 1|AntennaID|AntennaID:u16
T 6|PeakRSSI|PeakRSSI:s8
T 7|ChannelIndex|ChannelIndex:u16
T 2|FirstSeenTimestampUTC|Microseconds:u64/Datetime
T 3|FirstSeenTimestampUptime|Microseconds:u64
T 4|LastSeenTimestampUTC|Microseconds:u64/Datetime
T 5|LastSeenTimestampUptime|Microseconds:u64
T 8|TagSeenCount|TagCount:u16
T 16|AccessSpecID|AccessSpecID:u32
P 242|RFSurveyReportData||ROSpecID? SpecIndex? FrequencyRSSILevelEntry+ Custom*
P 243|FrequencyRSSILevelEntry|Frequency:u32 Bandwidth:u32 AverageRSSI:s8 PeakRSSI:s8|Timestamp
C |Timestamp|UTCTimestamp Uptime
P 244|ReaderEventNotificationSpec||EventNotificationState+
P 245|EventNotificationState|EventType:u16=NotificationEventType NotificationState:u1 _7
E |NotificationEventType|0=Upon_Hopping_To_Next_Channel 1=GPI_Event 2=ROSpec_Event 3=Report_Buffer_Fill_Warning
  4=Reader_Exception_Event 5=RFSurvey_Event 6=AISpec_Event 7=AISpec_Event_With_Details 8=Antenna_Event 9=SpecLoop_Event
P 246|ReaderEventNotificationData||Timestamp HoppingEvent? GPIEvent? ROSpecEvent? ReportBufferLevelWarningEvent?
  ReportBufferOverflowErrorEvent? ReaderExceptionEvent? RFSurveyEvent? AISpecEvent? AntennaEvent?
  ConnectionAttemptEvent? ConnectionCloseEvent? SpecLoopEvent? Custom*
P 247|HoppingEvent|HopTableID:u16 NextChannelIndex:u16
P 248|GPIEvent|GPIPortNumber:u16 GPIEvent:u1 _7
P 249|ROSpecEvent|EventType:u8=ROSpecEventType ROSpecID:u32 PreemptingROSpecID:u32
E |ROSpecEventType|0=Start_Of_ROSpec 1=End_Of_ROSpec 2=Preemption_Of_ROSpec
P 250|ReportBufferLevelWarningEvent|ReportBufferPercentageFull:u8
P 251|ReportBufferOverflowErrorEvent
P 252|ReaderExceptionEvent|Message:utf8v/UTF8|ROSpecID? SpecIndex? InventoryParameterSpecID? AntennaID? AccessSpecID?
  OpSpecID? Custom*
T 17|OpSpecID|OpSpecID:u16
P 253|RFSurveyEvent|EventType:u8=RFSurveyEventType ROSpecID:u32 SpecIndex:u16
E |RFSurveyEventType|0=Start_Of_RFSurvey 1=End_Of_RFSurvey
P 254|AISpecEvent|EventType:u8=AISpecEventType ROSpecID:u32 SpecIndex:u16|AirProtocolSingulationDetails?
E |AISpecEventType|0=End_Of_AISpec
P 255|AntennaEvent|EventType:u8=AntennaEventType AntennaID:u16
E |AntennaEventType|0=Antenna_Disconnected 1=Antenna_Connected
P 256|ConnectionAttemptEvent|Status:u16=ConnectionAttemptStatusType
E |ConnectionAttemptStatusType|0=Success 1=Failed_A_Reader_Initiated_Connection_Already_Exists
  2=Failed_A_Client_Initiated_Connection_Already_Exists 3=Failed_Reason_Other_Than_A_Connection_Already_Exists
  4=Another_Connection_Attempted
P 257|ConnectionCloseEvent
P 356+|SpecLoopEvent|ROSpecID:u32 LoopCount:u32
M 100|ERROR_MESSAGE||LLRPStatus
E |StatusCode|0=M_Success 100=M_ParameterError 101=M_FieldError 102=M_UnexpectedParameter 103=M_MissingParameter
  104=M_DuplicateParameter 105=M_OverflowParameter 106=M_OverflowField 107=M_UnknownParameter 108=M_UnknownField
  109=M_UnsupportedMessage 110=M_UnsupportedVersion 111=M_UnsupportedParameter 200=P_ParameterError 201=P_FieldError
  202=P_UnexpectedParameter 203=P_MissingParameter 204=P_DuplicateParameter 205=P_OverflowParameter 206=P_OverflowField
  207=P_UnknownParameter 208=P_UnknownField 209=P_UnsupportedParameter 300=A_Invalid 301=A_OutOfRange 401=R_DeviceError
P 287|LLRPStatus|StatusCode:u16=StatusCode ErrorDescription:utf8v/UTF8|FieldError? ParameterError?
P 288|FieldError|FieldNum:u16 ErrorCode:u16=StatusCode
P 289|ParameterError|ParameterType:u16 ErrorCode:u16=StatusCode|FieldError? ParameterError?
P 327|C1G2LLRPCapabilities|CanSupportBlockErase:u1 CanSupportBlockWrite:u1 CanSupportBlockPermalock:u1
  CanSupportTagRecommissioning:u1 CanSupportUMIMethod2:u1 CanSupportXPC:u1 _2 MaxNumSelectFiltersPerQuery:u16
P 328|C1G2UHFRFModeTable||C1G2UHFRFModeTableEntry+
P 329|C1G2UHFRFModeTableEntry|ModeIdentifier:u32 DRValue:u1=C1G2DRValue EPCHAGTCConformance:u1 _6 MValue:u8=C1G2MValue
  ForwardLinkModulation:u8=C1G2ForwardLinkModulation SpectralMaskIndicator:u8=C1G2SpectralMaskIndicator BDRValue:u32
  PIEValue:u32 MinTariValue:u32 MaxTariValue:u32 StepTariValue:u32
E |C1G2DRValue|0=DRV_8 1=DRV_64_3
E |C1G2MValue|0=MV_FM0 1=MV_2 2=MV_4 3=MV_8
E |C1G2ForwardLinkModulation|0=PR_ASK 1=SSB_ASK 2=DSB_ASK
E |C1G2SpectralMaskIndicator|0=Unknown 1=SI 2=MI 3=DI
P 330|C1G2InventoryCommand|TagInventoryStateAware:u1 _7|C1G2Filter* C1G2RFControl? C1G2SingulationControl? Custom*
P 331|C1G2Filter|T:u2=C1G2TruncateAction _6|C1G2TagInventoryMask C1G2TagInventoryStateAwareFilterAction?
  C1G2TagInventoryStateUnawareFilterAction?
E |C1G2TruncateAction|0=Unspecified 1=Do_Not_Truncate 2=Truncate
P 332|C1G2TagInventoryMask|MB:u2 _6 Pointer:u16 TagMask:u1v/Hex
P 333|C1G2TagInventoryStateAwareFilterAction|Target:u8=C1G2StateAwareTarget Action:u8=C1G2StateAwareAction
E |C1G2StateAwareTarget|0=SL 1=Inventoried_State_For_Session_S0 2=Inventoried_State_For_Session_S1
  3=Inventoried_State_For_Session_S2 4=Inventoried_State_For_Session_S3
E |C1G2StateAwareAction|0=AssertSLOrA_DeassertSLOrB 1=AssertSLOrA_Noop 2=Noop_DeassertSLOrB 3=NegateSLOrABBA_Noop
  4=DeassertSLOrB_AssertSLOrA 5=DeassertSLOrB_Noop 6=Noop_AssertSLOrA 7=Noop_NegateSLOrABBA
P 334|C1G2TagInventoryStateUnawareFilterAction|Action:u8=C1G2StateUnawareAction
E |C1G2StateUnawareAction|0=Select_Unselect 1=Select_DoNothing 2=DoNothing_Unselect 3=Unselect_DoNothing
  4=Unselect_Select 5=DoNothing_Select
P 335|C1G2RFControl|ModeIndex:u16 Tari:u16
P 336|C1G2SingulationControl|Session:u2 _6 TagPopulation:u16
  TagTransitTime:u32|C1G2TagInventoryStateAwareSingulationAction?
P 337|C1G2TagInventoryStateAwareSingulationAction|I:u1=C1G2TagInventoryStateAwareI S:u1=C1G2TagInventoryStateAwareS _6
E |C1G2TagInventoryStateAwareI|0=State_A 1=State_B
E |C1G2TagInventoryStateAwareS|0=SL 1=Not_SL
P 338|C1G2TagSpec||C1G2TargetTag+
P 339|C1G2TargetTag|MB:u2 Match:u1 _5 Pointer:u16 TagMask:u1v/Hex TagData:u1v/Hex
P 341|C1G2Read|OpSpecID:u16 AccessPassword:u32 MB:u2 _6 WordPointer:u16 WordCount:u16
P 342|C1G2Write|OpSpecID:u16 AccessPassword:u32 MB:u2 _6 WordPointer:u16 WriteData:u16v/Hex
P 343|C1G2Kill|OpSpecID:u16 KillPassword:u32
P 357+|C1G2Recommission|OpSpecID:u16 KillPassword:u32 _5 BIT_3SB:u1 BIT_2SB:u1 BIT_LSB:u1
P 344|C1G2Lock|OpSpecID:u16 AccessPassword:u32|C1G2LockPayload+
P 345|C1G2LockPayload|Privilege:u8=C1G2LockPrivilege DataField:u8=C1G2LockDataField
E |C1G2LockPrivilege|0=Read_Write 1=Perma_Lock 2=Perma_Unlock 3=Unlock
E |C1G2LockDataField|0=Kill_Password 1=Access_Password 2=EPC_Memory 3=TID_Memory 4=User_Memory
P 346|C1G2BlockErase|OpSpecID:u16 AccessPassword:u32 MB:u2 _6 WordPointer:u16 WordCount:u16
P 347|C1G2BlockWrite|OpSpecID:u16 AccessPassword:u32 MB:u2 _6 WordPointer:u16 WriteData:u16v/Hex
P 358+|C1G2BlockPermalock|OpSpecID:u16 AccessPassword:u32 MB:u2 _6 BlockPointer:u16 BlockMaskWordCount:u16
  BlockMask:u16v
P 359+|C1G2GetBlockPermalockStatus|OpSpecID:u16 AccessPassword:u32 MB:u2 _6 BlockPointer:u16 BlockRange:u16
P 348|C1G2EPCMemorySelector|EnableCRC:u1 EnablePCBits:u1 _6
T 12|C1G2_PC|PC_Bits:u16
T 19+|C1G2_XPCW1|XPC_W1:u16
T 20+|C1G2_XPCW2|XPC_W2:u16
T 11|C1G2_CRC|CRC:u16
T 18|C1G2SingulationDetails|NumCollisionSlots:u16 NumEmptySlots:u16
P 349|C1G2ReadOpSpecResult|Result:u8=C1G2ReadResultType OpSpecID:u16 ReadData:u16v/Hex
E |C1G2ReadResultType|0=Success 1=Nonspecific_Tag_Error 2=No_Response_From_Tag 3=Nonspecific_Reader_Error
  4=Tag_Memory_Overrun_Error 5=Tag_Memory_Locked_Error 6=Incorrect_password_error
P 350|C1G2WriteOpSpecResult|Result:u8=C1G2WriteResultType OpSpecID:u16 NumWordsWritten:u16
E |C1G2WriteResultType|0=Success 1=Tag_Memory_Overrun_Error 2=Tag_Memory_Locked_Error 3=Insufficient_Power
  4=Nonspecific_Tag_Error 5=No_Response_From_Tag 6=Nonspecific_Reader_Error 7=Incorrect_Password_Error
P 351|C1G2KillOpSpecResult|Result:u8=C1G2KillResultType OpSpecID:u16
E |C1G2KillResultType|0=Success 1=Zero_Kill_Password_Error 2=Insufficient_Power 3=Nonspecific_Tag_Error
  4=No_Response_From_Tag 5=Nonspecific_Reader_Error 6=Incorrect_Password_Error
P 360+|C1G2RecommissionOpSpecResult|Result:u8=C1G2RecommissionResultType OpSpecID:u16
E |C1G2RecommissionResultType|0=Success 1=Zero_Kill_Password_Error 2=Insufficient_Power 3=Nonspecific_Tag_Error
  4=No_Response_From_Tag 5=Nonspecific_Reader_Error 6=Incorrect_Password_Error
P 352|C1G2LockOpSpecResult|Result:u8=C1G2LockResultType OpSpecID:u16
E |C1G2LockResultType|0=Success 1=Insufficient_Power 2=Nonspecific_Tag_Error 3=No_Response_From_Tag
  4=Nonspecific_Reader_Error 5=Incorrect_Password_Error 6=Tag_Memory_Overrun_Error 7=Tag_Memory_Locked_Error
P 353|C1G2BlockEraseOpSpecResult|Result:u8=C1G2BlockEraseResultType OpSpecID:u16
E |C1G2BlockEraseResultType|0=Success 1=Tag_Memory_Overrun_Error 2=Tag_Memory_Locked_Error 3=Insufficient_Power
  4=Nonspecific_Tag_Error 5=No_Response_From_Tag 6=Nonspecific_Reader_Error 7=Incorrect_Password_Error
P 354|C1G2BlockWriteOpSpecResult|Result:u8=C1G2BlockWriteResultType OpSpecID:u16 NumWordsWritten:u16
E |C1G2BlockWriteResultType|0=Success 1=Tag_Memory_Overrun_Error 2=Tag_Memory_Locked_Error 3=Insufficient_Power
  4=Nonspecific_Tag_Error 5=No_Response_From_Tag 6=Nonspecific_Reader_Error 7=Incorrect_Password_Error
P 361+|C1G2BlockPermalockOpSpecResult|Result:u8=C1G2BlockPermalockResultType OpSpecID:u16
E |C1G2BlockPermalockResultType|0=Success 1=Insufficient_Power 2=Nonspecific_Tag_Error 3=No_Response_From_Tag
  4=Nonspecific_Reader_Error 5=Incorrect_Password_Error 6=Tag_Memory_Overrun_Error
P 362+|C1G2GetBlockPermalockStatusOpSpecResult|Result:u8=C1G2GetBlockPermalockStatusResultType OpSpecID:u16
  PermalockStatus:u16v
E |C1G2GetBlockPermalockStatusResultType|0=Success 1=Nonspecific_Tag_Error 2=No_Response_From_Tag
  3=Nonspecific_Reader_Error 4=Incorrect_Password_Error 5=Tag_Memory_Overrun_Error
C |AirProtocolLLRPCapabilities|C1G2LLRPCapabilities
C |AirProtocolUHFRFModeTable|C1G2UHFRFModeTable
C |AirProtocolInventoryCommandSettings|C1G2InventoryCommand
C |AirProtocolTagSpec|C1G2TagSpec
C |AirProtocolEPCMemorySelector|C1G2EPCMemorySelector
C |AirProtocolTagData|C1G2_PC C1G2_CRC C1G2_XPCW1 C1G2_XPCW2
C |AirProtocolSingulationDetails|C1G2SingulationDetails
M 25882/21|IMPINJ_ENABLE_EXTENSIONS|_32|Custom*|IMPINJ_ENABLE_EXTENSIONS_RESPONSE
M 25882/22|IMPINJ_ENABLE_EXTENSIONS_RESPONSE||LLRPStatus Custom*
P 25882/23|ImpinjInventorySearchMode|InventorySearchMode:u16=ImpinjInventorySearchType|Custom*
E |ImpinjInventorySearchType|0=Reader_Selected 1=Single_Target 2=Dual_Target 3=Single_Target_With_Suppression
P 25882/26|ImpinjFixedFrequencyList|FixedFrequencyMode:u16=ImpinjFixedFrequencyMode _16 ChannelList:u16v|Custom*
E |ImpinjFixedFrequencyMode|0=Disabled 1=Auto_Select 2=Channel_List
P 25882/28|ImpinjLowDutyCycle|LowDutyCycleMode:u16=ImpinjLowDutyCycleMode EmptyFieldTimeout:u16
  FieldPingInterval:u16|Custom*
E |ImpinjLowDutyCycleMode|0=Disabled 1=Enabled
P 25882/29|ImpinjDetailedVersion|ModelName:utf8v/UTF8 SerialNumber:utf8v/UTF8 SoftwareVersion:utf8v/UTF8
  FirmwareVersion:utf8v/UTF8 FPGAVersion:utf8v/UTF8 PCBAVersion:utf8v/UTF8|Custom*
P 25882/36|ImpinjGPIDebounceConfiguration|GPIPortNum:u16 GPIDebounceTimerMSec:u32|Custom*
P 25882/37|ImpinjReaderTemperature|Temperature:s16|Custom*
P 25882/38|ImpinjLinkMonitorConfiguration|LinkMonitorMode:u16=ImpinjLinkMonitorMode LinkDownThreshold:u16|Custom*
E |ImpinjLinkMonitorMode|0=Disabled 1=Enabled
P 25882/39|ImpinjReportBufferConfiguration|ReportBufferMode:u16=ImpinjReportBufferMode|Custom*
E |ImpinjReportBufferMode|0=Normal 1=Low_Latency
P 25882/50|ImpinjTagReportContentSelector||ImpinjEnableSerializedTID? ImpinjEnableRFPhaseAngle? ImpinjEnablePeakRSSI?
  ImpinjEnableRFDopplerFrequency? Custom*
P 25882/51|ImpinjEnableSerializedTID|SerializedTIDMode:u16=ImpinjSerializedTIDMode|Custom*
E |ImpinjSerializedTIDMode|0=Disabled 1=Enabled
P 25882/52|ImpinjEnableRFPhaseAngle|RFPhaseAngleMode:u16=ImpinjRFPhaseAngleMode|Custom*
E |ImpinjRFPhaseAngleMode|0=Disabled 1=Enabled
P 25882/53|ImpinjEnablePeakRSSI|PeakRSSIMode:u16=ImpinjPeakRSSIMode|Custom*
E |ImpinjPeakRSSIMode|0=Disabled 1=Enabled
P 25882/55|ImpinjSerializedTID|TID:u16v/Hex|Custom*
P 25882/56|ImpinjRFPhaseAngle|PhaseAngle:u16|Custom*
P 25882/57|ImpinjPeakRSSI|RSSI:s16|Custom*
P 25882/67|ImpinjEnableRFDopplerFrequency|RFDopplerFrequencyMode:u16=ImpinjRFDopplerFrequencyMode|Custom*
E |ImpinjRFDopplerFrequencyMode|0=Disabled 1=Enabled
P 25882/68|ImpinjRFDopplerFrequency|DopplerFrequency:s16|Custom*
"""
