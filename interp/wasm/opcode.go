package wasm

// Opcode identifies an instruction: a plain opcode is its byte; one behind a
// prefix is 0xFC00 or 0xFD00 with the number that follows the prefix in the
// low byte.
type Opcode uint16

// The instructions of WebAssembly 2.0, and those of tail calls and exceptions, named
// as in the text format.
// OpSelectT is the select that states its type.
const (
	// Control (binary format 5.4.1).
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11

	// Tail calls and exceptions (of WebAssembly 3.0, 5.4.1).
	OpThrow              Opcode = 0x08
	OpThrowRef           Opcode = 0x0a
	OpReturnCall         Opcode = 0x12
	OpReturnCallIndirect Opcode = 0x13
	OpTryTable           Opcode = 0x1f

	// Parametric (5.4.3).
	OpDrop    Opcode = 0x1a
	OpSelect  Opcode = 0x1b
	OpSelectT Opcode = 0x1c

	// Variables (5.4.4).
	OpLocalGet  Opcode = 0x20
	OpLocalSet  Opcode = 0x21
	OpLocalTee  Opcode = 0x22
	OpGlobalGet Opcode = 0x23
	OpGlobalSet Opcode = 0x24

	// Tables and references (5.4.2, 5.4.5).
	OpTableGet  Opcode = 0x25
	OpTableSet  Opcode = 0x26
	OpRefNull   Opcode = 0xd0
	OpRefIsNull Opcode = 0xd1
	OpRefFunc   Opcode = 0xd2

	// Memory (5.4.6); x is the largest alignment, as a power of two.
	OpI32Load    Opcode = 0x28
	OpI64Load    Opcode = 0x29
	OpF32Load    Opcode = 0x2a
	OpF64Load    Opcode = 0x2b
	OpI32Load8S  Opcode = 0x2c
	OpI32Load8U  Opcode = 0x2d
	OpI32Load16S Opcode = 0x2e
	OpI32Load16U Opcode = 0x2f
	OpI64Load8S  Opcode = 0x30
	OpI64Load8U  Opcode = 0x31
	OpI64Load16S Opcode = 0x32
	OpI64Load16U Opcode = 0x33
	OpI64Load32S Opcode = 0x34
	OpI64Load32U Opcode = 0x35
	OpI32Store   Opcode = 0x36
	OpI64Store   Opcode = 0x37
	OpF32Store   Opcode = 0x38
	OpF64Store   Opcode = 0x39
	OpI32Store8  Opcode = 0x3a
	OpI32Store16 Opcode = 0x3b
	OpI64Store8  Opcode = 0x3c
	OpI64Store16 Opcode = 0x3d
	OpI64Store32 Opcode = 0x3e
	OpMemorySize Opcode = 0x3f
	OpMemoryGrow Opcode = 0x40

	// Numeric (5.4.7).
	OpI32Const          Opcode = 0x41
	OpI64Const          Opcode = 0x42
	OpF32Const          Opcode = 0x43
	OpF64Const          Opcode = 0x44
	OpI32Eqz            Opcode = 0x45
	OpI32Eq             Opcode = 0x46
	OpI32Ne             Opcode = 0x47
	OpI32LtS            Opcode = 0x48
	OpI32LtU            Opcode = 0x49
	OpI32GtS            Opcode = 0x4a
	OpI32GtU            Opcode = 0x4b
	OpI32LeS            Opcode = 0x4c
	OpI32LeU            Opcode = 0x4d
	OpI32GeS            Opcode = 0x4e
	OpI32GeU            Opcode = 0x4f
	OpI64Eqz            Opcode = 0x50
	OpI64Eq             Opcode = 0x51
	OpI64Ne             Opcode = 0x52
	OpI64LtS            Opcode = 0x53
	OpI64LtU            Opcode = 0x54
	OpI64GtS            Opcode = 0x55
	OpI64GtU            Opcode = 0x56
	OpI64LeS            Opcode = 0x57
	OpI64LeU            Opcode = 0x58
	OpI64GeS            Opcode = 0x59
	OpI64GeU            Opcode = 0x5a
	OpF32Eq             Opcode = 0x5b
	OpF32Ne             Opcode = 0x5c
	OpF32Lt             Opcode = 0x5d
	OpF32Gt             Opcode = 0x5e
	OpF32Le             Opcode = 0x5f
	OpF32Ge             Opcode = 0x60
	OpF64Eq             Opcode = 0x61
	OpF64Ne             Opcode = 0x62
	OpF64Lt             Opcode = 0x63
	OpF64Gt             Opcode = 0x64
	OpF64Le             Opcode = 0x65
	OpF64Ge             Opcode = 0x66
	OpI32Clz            Opcode = 0x67
	OpI32Ctz            Opcode = 0x68
	OpI32Popcnt         Opcode = 0x69
	OpI32Add            Opcode = 0x6a
	OpI32Sub            Opcode = 0x6b
	OpI32Mul            Opcode = 0x6c
	OpI32DivS           Opcode = 0x6d
	OpI32DivU           Opcode = 0x6e
	OpI32RemS           Opcode = 0x6f
	OpI32RemU           Opcode = 0x70
	OpI32And            Opcode = 0x71
	OpI32Or             Opcode = 0x72
	OpI32Xor            Opcode = 0x73
	OpI32Shl            Opcode = 0x74
	OpI32ShrS           Opcode = 0x75
	OpI32ShrU           Opcode = 0x76
	OpI32Rotl           Opcode = 0x77
	OpI32Rotr           Opcode = 0x78
	OpI64Clz            Opcode = 0x79
	OpI64Ctz            Opcode = 0x7a
	OpI64Popcnt         Opcode = 0x7b
	OpI64Add            Opcode = 0x7c
	OpI64Sub            Opcode = 0x7d
	OpI64Mul            Opcode = 0x7e
	OpI64DivS           Opcode = 0x7f
	OpI64DivU           Opcode = 0x80
	OpI64RemS           Opcode = 0x81
	OpI64RemU           Opcode = 0x82
	OpI64And            Opcode = 0x83
	OpI64Or             Opcode = 0x84
	OpI64Xor            Opcode = 0x85
	OpI64Shl            Opcode = 0x86
	OpI64ShrS           Opcode = 0x87
	OpI64ShrU           Opcode = 0x88
	OpI64Rotl           Opcode = 0x89
	OpI64Rotr           Opcode = 0x8a
	OpF32Abs            Opcode = 0x8b
	OpF32Neg            Opcode = 0x8c
	OpF32Ceil           Opcode = 0x8d
	OpF32Floor          Opcode = 0x8e
	OpF32Trunc          Opcode = 0x8f
	OpF32Nearest        Opcode = 0x90
	OpF32Sqrt           Opcode = 0x91
	OpF32Add            Opcode = 0x92
	OpF32Sub            Opcode = 0x93
	OpF32Mul            Opcode = 0x94
	OpF32Div            Opcode = 0x95
	OpF32Min            Opcode = 0x96
	OpF32Max            Opcode = 0x97
	OpF32Copysign       Opcode = 0x98
	OpF64Abs            Opcode = 0x99
	OpF64Neg            Opcode = 0x9a
	OpF64Ceil           Opcode = 0x9b
	OpF64Floor          Opcode = 0x9c
	OpF64Trunc          Opcode = 0x9d
	OpF64Nearest        Opcode = 0x9e
	OpF64Sqrt           Opcode = 0x9f
	OpF64Add            Opcode = 0xa0
	OpF64Sub            Opcode = 0xa1
	OpF64Mul            Opcode = 0xa2
	OpF64Div            Opcode = 0xa3
	OpF64Min            Opcode = 0xa4
	OpF64Max            Opcode = 0xa5
	OpF64Copysign       Opcode = 0xa6
	OpI32WrapI64        Opcode = 0xa7
	OpI32TruncF32S      Opcode = 0xa8
	OpI32TruncF32U      Opcode = 0xa9
	OpI32TruncF64S      Opcode = 0xaa
	OpI32TruncF64U      Opcode = 0xab
	OpI64ExtendI32S     Opcode = 0xac
	OpI64ExtendI32U     Opcode = 0xad
	OpI64TruncF32S      Opcode = 0xae
	OpI64TruncF32U      Opcode = 0xaf
	OpI64TruncF64S      Opcode = 0xb0
	OpI64TruncF64U      Opcode = 0xb1
	OpF32ConvertI32S    Opcode = 0xb2
	OpF32ConvertI32U    Opcode = 0xb3
	OpF32ConvertI64S    Opcode = 0xb4
	OpF32ConvertI64U    Opcode = 0xb5
	OpF32DemoteF64      Opcode = 0xb6
	OpF64ConvertI32S    Opcode = 0xb7
	OpF64ConvertI32U    Opcode = 0xb8
	OpF64ConvertI64S    Opcode = 0xb9
	OpF64ConvertI64U    Opcode = 0xba
	OpF64PromoteF32     Opcode = 0xbb
	OpI32ReinterpretF32 Opcode = 0xbc
	OpI64ReinterpretF64 Opcode = 0xbd
	OpF32ReinterpretI32 Opcode = 0xbe
	OpF64ReinterpretI64 Opcode = 0xbf
	OpI32Extend8S       Opcode = 0xc0
	OpI32Extend16S      Opcode = 0xc1
	OpI64Extend8S       Opcode = 0xc2
	OpI64Extend16S      Opcode = 0xc3
	OpI64Extend32S      Opcode = 0xc4

	// Prefix 0xFC: saturating conversions, bulk memory and tables.
	OpI32TruncSatF32S Opcode = 0xfc00
	OpI32TruncSatF32U Opcode = 0xfc01
	OpI32TruncSatF64S Opcode = 0xfc02
	OpI32TruncSatF64U Opcode = 0xfc03
	OpI64TruncSatF32S Opcode = 0xfc04
	OpI64TruncSatF32U Opcode = 0xfc05
	OpI64TruncSatF64S Opcode = 0xfc06
	OpI64TruncSatF64U Opcode = 0xfc07
	OpMemoryInit      Opcode = 0xfc08
	OpDataDrop        Opcode = 0xfc09
	OpMemoryCopy      Opcode = 0xfc0a
	OpMemoryFill      Opcode = 0xfc0b
	OpTableInit       Opcode = 0xfc0c
	OpElemDrop        Opcode = 0xfc0d
	OpTableCopy       Opcode = 0xfc0e
	OpTableGrow       Opcode = 0xfc0f
	OpTableSize       Opcode = 0xfc10
	OpTableFill       Opcode = 0xfc11

	// Prefix 0xFD: vectors (5.4.8); x is the largest alignment or the number of lanes.
	OpV128Load                  Opcode = 0xfd00
	OpV128Load8x8S              Opcode = 0xfd01
	OpV128Load8x8U              Opcode = 0xfd02
	OpV128Load16x4S             Opcode = 0xfd03
	OpV128Load16x4U             Opcode = 0xfd04
	OpV128Load32x2S             Opcode = 0xfd05
	OpV128Load32x2U             Opcode = 0xfd06
	OpV128Load8Splat            Opcode = 0xfd07
	OpV128Load16Splat           Opcode = 0xfd08
	OpV128Load32Splat           Opcode = 0xfd09
	OpV128Load64Splat           Opcode = 0xfd0a
	OpV128Store                 Opcode = 0xfd0b
	OpV128Const                 Opcode = 0xfd0c
	OpI8x16Shuffle              Opcode = 0xfd0d
	OpI8x16Swizzle              Opcode = 0xfd0e
	OpI8x16Splat                Opcode = 0xfd0f
	OpI16x8Splat                Opcode = 0xfd10
	OpI32x4Splat                Opcode = 0xfd11
	OpI64x2Splat                Opcode = 0xfd12
	OpF32x4Splat                Opcode = 0xfd13
	OpF64x2Splat                Opcode = 0xfd14
	OpI8x16ExtractLaneS         Opcode = 0xfd15
	OpI8x16ExtractLaneU         Opcode = 0xfd16
	OpI8x16ReplaceLane          Opcode = 0xfd17
	OpI16x8ExtractLaneS         Opcode = 0xfd18
	OpI16x8ExtractLaneU         Opcode = 0xfd19
	OpI16x8ReplaceLane          Opcode = 0xfd1a
	OpI32x4ExtractLane          Opcode = 0xfd1b
	OpI32x4ReplaceLane          Opcode = 0xfd1c
	OpI64x2ExtractLane          Opcode = 0xfd1d
	OpI64x2ReplaceLane          Opcode = 0xfd1e
	OpF32x4ExtractLane          Opcode = 0xfd1f
	OpF32x4ReplaceLane          Opcode = 0xfd20
	OpF64x2ExtractLane          Opcode = 0xfd21
	OpF64x2ReplaceLane          Opcode = 0xfd22
	OpI8x16Eq                   Opcode = 0xfd23
	OpI8x16Ne                   Opcode = 0xfd24
	OpI8x16LtS                  Opcode = 0xfd25
	OpI8x16LtU                  Opcode = 0xfd26
	OpI8x16GtS                  Opcode = 0xfd27
	OpI8x16GtU                  Opcode = 0xfd28
	OpI8x16LeS                  Opcode = 0xfd29
	OpI8x16LeU                  Opcode = 0xfd2a
	OpI8x16GeS                  Opcode = 0xfd2b
	OpI8x16GeU                  Opcode = 0xfd2c
	OpI16x8Eq                   Opcode = 0xfd2d
	OpI16x8Ne                   Opcode = 0xfd2e
	OpI16x8LtS                  Opcode = 0xfd2f
	OpI16x8LtU                  Opcode = 0xfd30
	OpI16x8GtS                  Opcode = 0xfd31
	OpI16x8GtU                  Opcode = 0xfd32
	OpI16x8LeS                  Opcode = 0xfd33
	OpI16x8LeU                  Opcode = 0xfd34
	OpI16x8GeS                  Opcode = 0xfd35
	OpI16x8GeU                  Opcode = 0xfd36
	OpI32x4Eq                   Opcode = 0xfd37
	OpI32x4Ne                   Opcode = 0xfd38
	OpI32x4LtS                  Opcode = 0xfd39
	OpI32x4LtU                  Opcode = 0xfd3a
	OpI32x4GtS                  Opcode = 0xfd3b
	OpI32x4GtU                  Opcode = 0xfd3c
	OpI32x4LeS                  Opcode = 0xfd3d
	OpI32x4LeU                  Opcode = 0xfd3e
	OpI32x4GeS                  Opcode = 0xfd3f
	OpI32x4GeU                  Opcode = 0xfd40
	OpF32x4Eq                   Opcode = 0xfd41
	OpF32x4Ne                   Opcode = 0xfd42
	OpF32x4Lt                   Opcode = 0xfd43
	OpF32x4Gt                   Opcode = 0xfd44
	OpF32x4Le                   Opcode = 0xfd45
	OpF32x4Ge                   Opcode = 0xfd46
	OpF64x2Eq                   Opcode = 0xfd47
	OpF64x2Ne                   Opcode = 0xfd48
	OpF64x2Lt                   Opcode = 0xfd49
	OpF64x2Gt                   Opcode = 0xfd4a
	OpF64x2Le                   Opcode = 0xfd4b
	OpF64x2Ge                   Opcode = 0xfd4c
	OpV128Not                   Opcode = 0xfd4d
	OpV128And                   Opcode = 0xfd4e
	OpV128Andnot                Opcode = 0xfd4f
	OpV128Or                    Opcode = 0xfd50
	OpV128Xor                   Opcode = 0xfd51
	OpV128Bitselect             Opcode = 0xfd52
	OpV128AnyTrue               Opcode = 0xfd53
	OpV128Load8Lane             Opcode = 0xfd54
	OpV128Load16Lane            Opcode = 0xfd55
	OpV128Load32Lane            Opcode = 0xfd56
	OpV128Load64Lane            Opcode = 0xfd57
	OpV128Store8Lane            Opcode = 0xfd58
	OpV128Store16Lane           Opcode = 0xfd59
	OpV128Store32Lane           Opcode = 0xfd5a
	OpV128Store64Lane           Opcode = 0xfd5b
	OpV128Load32Zero            Opcode = 0xfd5c
	OpV128Load64Zero            Opcode = 0xfd5d
	OpF32x4DemoteF64x2Zero      Opcode = 0xfd5e
	OpF64x2PromoteLowF32x4      Opcode = 0xfd5f
	OpI8x16Abs                  Opcode = 0xfd60
	OpI8x16Neg                  Opcode = 0xfd61
	OpI8x16Popcnt               Opcode = 0xfd62
	OpI8x16AllTrue              Opcode = 0xfd63
	OpI8x16Bitmask              Opcode = 0xfd64
	OpI8x16NarrowI16x8S         Opcode = 0xfd65
	OpI8x16NarrowI16x8U         Opcode = 0xfd66
	OpF32x4Ceil                 Opcode = 0xfd67
	OpF32x4Floor                Opcode = 0xfd68
	OpF32x4Trunc                Opcode = 0xfd69
	OpF32x4Nearest              Opcode = 0xfd6a
	OpI8x16Shl                  Opcode = 0xfd6b
	OpI8x16ShrS                 Opcode = 0xfd6c
	OpI8x16ShrU                 Opcode = 0xfd6d
	OpI8x16Add                  Opcode = 0xfd6e
	OpI8x16AddSatS              Opcode = 0xfd6f
	OpI8x16AddSatU              Opcode = 0xfd70
	OpI8x16Sub                  Opcode = 0xfd71
	OpI8x16SubSatS              Opcode = 0xfd72
	OpI8x16SubSatU              Opcode = 0xfd73
	OpF64x2Ceil                 Opcode = 0xfd74
	OpF64x2Floor                Opcode = 0xfd75
	OpI8x16MinS                 Opcode = 0xfd76
	OpI8x16MinU                 Opcode = 0xfd77
	OpI8x16MaxS                 Opcode = 0xfd78
	OpI8x16MaxU                 Opcode = 0xfd79
	OpF64x2Trunc                Opcode = 0xfd7a
	OpI8x16AvgrU                Opcode = 0xfd7b
	OpI16x8ExtaddPairwiseI8x16S Opcode = 0xfd7c
	OpI16x8ExtaddPairwiseI8x16U Opcode = 0xfd7d
	OpI32x4ExtaddPairwiseI16x8S Opcode = 0xfd7e
	OpI32x4ExtaddPairwiseI16x8U Opcode = 0xfd7f
	OpI16x8Abs                  Opcode = 0xfd80
	OpI16x8Neg                  Opcode = 0xfd81
	OpI16x8Q15mulrSatS          Opcode = 0xfd82
	OpI16x8AllTrue              Opcode = 0xfd83
	OpI16x8Bitmask              Opcode = 0xfd84
	OpI16x8NarrowI32x4S         Opcode = 0xfd85
	OpI16x8NarrowI32x4U         Opcode = 0xfd86
	OpI16x8ExtendLowI8x16S      Opcode = 0xfd87
	OpI16x8ExtendHighI8x16S     Opcode = 0xfd88
	OpI16x8ExtendLowI8x16U      Opcode = 0xfd89
	OpI16x8ExtendHighI8x16U     Opcode = 0xfd8a
	OpI16x8Shl                  Opcode = 0xfd8b
	OpI16x8ShrS                 Opcode = 0xfd8c
	OpI16x8ShrU                 Opcode = 0xfd8d
	OpI16x8Add                  Opcode = 0xfd8e
	OpI16x8AddSatS              Opcode = 0xfd8f
	OpI16x8AddSatU              Opcode = 0xfd90
	OpI16x8Sub                  Opcode = 0xfd91
	OpI16x8SubSatS              Opcode = 0xfd92
	OpI16x8SubSatU              Opcode = 0xfd93
	OpF64x2Nearest              Opcode = 0xfd94
	OpI16x8Mul                  Opcode = 0xfd95
	OpI16x8MinS                 Opcode = 0xfd96
	OpI16x8MinU                 Opcode = 0xfd97
	OpI16x8MaxS                 Opcode = 0xfd98
	OpI16x8MaxU                 Opcode = 0xfd99
	OpI16x8AvgrU                Opcode = 0xfd9b
	OpI16x8ExtmulLowI8x16S      Opcode = 0xfd9c
	OpI16x8ExtmulHighI8x16S     Opcode = 0xfd9d
	OpI16x8ExtmulLowI8x16U      Opcode = 0xfd9e
	OpI16x8ExtmulHighI8x16U     Opcode = 0xfd9f
	OpI32x4Abs                  Opcode = 0xfda0
	OpI32x4Neg                  Opcode = 0xfda1
	OpI32x4AllTrue              Opcode = 0xfda3
	OpI32x4Bitmask              Opcode = 0xfda4
	OpI32x4ExtendLowI16x8S      Opcode = 0xfda7
	OpI32x4ExtendHighI16x8S     Opcode = 0xfda8
	OpI32x4ExtendLowI16x8U      Opcode = 0xfda9
	OpI32x4ExtendHighI16x8U     Opcode = 0xfdaa
	OpI32x4Shl                  Opcode = 0xfdab
	OpI32x4ShrS                 Opcode = 0xfdac
	OpI32x4ShrU                 Opcode = 0xfdad
	OpI32x4Add                  Opcode = 0xfdae
	OpI32x4Sub                  Opcode = 0xfdb1
	OpI32x4Mul                  Opcode = 0xfdb5
	OpI32x4MinS                 Opcode = 0xfdb6
	OpI32x4MinU                 Opcode = 0xfdb7
	OpI32x4MaxS                 Opcode = 0xfdb8
	OpI32x4MaxU                 Opcode = 0xfdb9
	OpI32x4DotI16x8S            Opcode = 0xfdba
	OpI32x4ExtmulLowI16x8S      Opcode = 0xfdbc
	OpI32x4ExtmulHighI16x8S     Opcode = 0xfdbd
	OpI32x4ExtmulLowI16x8U      Opcode = 0xfdbe
	OpI32x4ExtmulHighI16x8U     Opcode = 0xfdbf
	OpI64x2Abs                  Opcode = 0xfdc0
	OpI64x2Neg                  Opcode = 0xfdc1
	OpI64x2AllTrue              Opcode = 0xfdc3
	OpI64x2Bitmask              Opcode = 0xfdc4
	OpI64x2ExtendLowI32x4S      Opcode = 0xfdc7
	OpI64x2ExtendHighI32x4S     Opcode = 0xfdc8
	OpI64x2ExtendLowI32x4U      Opcode = 0xfdc9
	OpI64x2ExtendHighI32x4U     Opcode = 0xfdca
	OpI64x2Shl                  Opcode = 0xfdcb
	OpI64x2ShrS                 Opcode = 0xfdcc
	OpI64x2ShrU                 Opcode = 0xfdcd
	OpI64x2Add                  Opcode = 0xfdce
	OpI64x2Sub                  Opcode = 0xfdd1
	OpI64x2Mul                  Opcode = 0xfdd5
	OpI64x2Eq                   Opcode = 0xfdd6
	OpI64x2Ne                   Opcode = 0xfdd7
	OpI64x2LtS                  Opcode = 0xfdd8
	OpI64x2GtS                  Opcode = 0xfdd9
	OpI64x2LeS                  Opcode = 0xfdda
	OpI64x2GeS                  Opcode = 0xfddb
	OpI64x2ExtmulLowI32x4S      Opcode = 0xfddc
	OpI64x2ExtmulHighI32x4S     Opcode = 0xfddd
	OpI64x2ExtmulLowI32x4U      Opcode = 0xfdde
	OpI64x2ExtmulHighI32x4U     Opcode = 0xfddf
	OpF32x4Abs                  Opcode = 0xfde0
	OpF32x4Neg                  Opcode = 0xfde1
	OpF32x4Sqrt                 Opcode = 0xfde3
	OpF32x4Add                  Opcode = 0xfde4
	OpF32x4Sub                  Opcode = 0xfde5
	OpF32x4Mul                  Opcode = 0xfde6
	OpF32x4Div                  Opcode = 0xfde7
	OpF32x4Min                  Opcode = 0xfde8
	OpF32x4Max                  Opcode = 0xfde9
	OpF32x4Pmin                 Opcode = 0xfdea
	OpF32x4Pmax                 Opcode = 0xfdeb
	OpF64x2Abs                  Opcode = 0xfdec
	OpF64x2Neg                  Opcode = 0xfded
	OpF64x2Sqrt                 Opcode = 0xfdef
	OpF64x2Add                  Opcode = 0xfdf0
	OpF64x2Sub                  Opcode = 0xfdf1
	OpF64x2Mul                  Opcode = 0xfdf2
	OpF64x2Div                  Opcode = 0xfdf3
	OpF64x2Min                  Opcode = 0xfdf4
	OpF64x2Max                  Opcode = 0xfdf5
	OpF64x2Pmin                 Opcode = 0xfdf6
	OpF64x2Pmax                 Opcode = 0xfdf7
	OpI32x4TruncSatF32x4S       Opcode = 0xfdf8
	OpI32x4TruncSatF32x4U       Opcode = 0xfdf9
	OpF32x4ConvertI32x4S        Opcode = 0xfdfa
	OpF32x4ConvertI32x4U        Opcode = 0xfdfb
	OpI32x4TruncSatF64x2SZero   Opcode = 0xfdfc
	OpI32x4TruncSatF64x2UZero   Opcode = 0xfdfd
	OpF64x2ConvertLowI32x4S     Opcode = 0xfdfe
	OpF64x2ConvertLowI32x4U     Opcode = 0xfdff
)

// opRow is what decoding, validation and printing know of an instruction.
type opRow struct {
	op   Opcode
	name string
	imm  immKind
	sig  string // operands ':' results, a letter each (see sigTypes); or "*": a rule of its own
	x    byte   // largest alignment as a power of two; or number of lanes
}

// opTable drives decoding, validation and printing alike. An opcode that is
// not here is refused.
var opTable = []opRow{
	// Control (binary format 5.4.1).
	{OpUnreachable, "unreachable", immNone, "*", 0},
	{OpNop, "nop", immNone, ":", 0},
	{OpBlock, "block", immBlock, "*", 0},
	{OpLoop, "loop", immBlock, "*", 0},
	{OpIf, "if", immBlock, "*", 0},
	{OpElse, "else", immNone, "*", 0},
	{OpEnd, "end", immNone, "*", 0},
	{OpBr, "br", immLabel, "*", 0},
	{OpBrIf, "br_if", immLabel, "*", 0},
	{OpBrTable, "br_table", immLabels, "*", 0},
	{OpReturn, "return", immNone, "*", 0},
	{OpCall, "call", immFunc, "*", 0},
	{OpCallIndirect, "call_indirect", immCallIndirect, "*", 0},

	// Tail calls and exceptions.
	{OpThrow, "throw", immTag, "*", 0},
	{OpThrowRef, "throw_ref", immNone, "*", 0},
	{OpReturnCall, "return_call", immFunc, "*", 0},
	{OpReturnCallIndirect, "return_call_indirect", immCallIndirect, "*", 0},
	{OpTryTable, "try_table", immTry, "*", 0},

	// Parametric (5.4.3).
	{OpDrop, "drop", immNone, "*", 0},
	{OpSelect, "select", immNone, "*", 0},
	{OpSelectT, "select", immTypes, "*", 0},

	// Variables (5.4.4).
	{OpLocalGet, "local.get", immLocal, "*", 0},
	{OpLocalSet, "local.set", immLocal, "*", 0},
	{OpLocalTee, "local.tee", immLocal, "*", 0},
	{OpGlobalGet, "global.get", immGlobal, "*", 0},
	{OpGlobalSet, "global.set", immGlobal, "*", 0},

	// Tables and references (5.4.2, 5.4.5).
	{OpTableGet, "table.get", immTable, "*", 0},
	{OpTableSet, "table.set", immTable, "*", 0},
	{OpRefNull, "ref.null", immRefType, "*", 0},
	{OpRefIsNull, "ref.is_null", immNone, "*", 0},
	{OpRefFunc, "ref.func", immRefFunc, "*", 0},

	// Memory (5.4.6); x is the largest alignment, as a power of two.
	{OpI32Load, "i32.load", immMem, "i:i", 2},
	{OpI64Load, "i64.load", immMem, "i:l", 3},
	{OpF32Load, "f32.load", immMem, "i:f", 2},
	{OpF64Load, "f64.load", immMem, "i:d", 3},
	{OpI32Load8S, "i32.load8_s", immMem, "i:i", 0},
	{OpI32Load8U, "i32.load8_u", immMem, "i:i", 0},
	{OpI32Load16S, "i32.load16_s", immMem, "i:i", 1},
	{OpI32Load16U, "i32.load16_u", immMem, "i:i", 1},
	{OpI64Load8S, "i64.load8_s", immMem, "i:l", 0},
	{OpI64Load8U, "i64.load8_u", immMem, "i:l", 0},
	{OpI64Load16S, "i64.load16_s", immMem, "i:l", 1},
	{OpI64Load16U, "i64.load16_u", immMem, "i:l", 1},
	{OpI64Load32S, "i64.load32_s", immMem, "i:l", 2},
	{OpI64Load32U, "i64.load32_u", immMem, "i:l", 2},
	{OpI32Store, "i32.store", immMem, "ii:", 2},
	{OpI64Store, "i64.store", immMem, "il:", 3},
	{OpF32Store, "f32.store", immMem, "if:", 2},
	{OpF64Store, "f64.store", immMem, "id:", 3},
	{OpI32Store8, "i32.store8", immMem, "ii:", 0},
	{OpI32Store16, "i32.store16", immMem, "ii:", 1},
	{OpI64Store8, "i64.store8", immMem, "il:", 0},
	{OpI64Store16, "i64.store16", immMem, "il:", 1},
	{OpI64Store32, "i64.store32", immMem, "il:", 2},
	{OpMemorySize, "memory.size", immMemIndex, ":i", 0},
	{OpMemoryGrow, "memory.grow", immMemIndex, "i:i", 0},

	// Numeric (5.4.7).
	{OpI32Const, "i32.const", immI32, ":i", 0},
	{OpI64Const, "i64.const", immI64, ":l", 0},
	{OpF32Const, "f32.const", immF32, ":f", 0},
	{OpF64Const, "f64.const", immF64, ":d", 0},
	{OpI32Eqz, "i32.eqz", immNone, "i:i", 0},
	{OpI32Eq, "i32.eq", immNone, "ii:i", 0},
	{OpI32Ne, "i32.ne", immNone, "ii:i", 0},
	{OpI32LtS, "i32.lt_s", immNone, "ii:i", 0},
	{OpI32LtU, "i32.lt_u", immNone, "ii:i", 0},
	{OpI32GtS, "i32.gt_s", immNone, "ii:i", 0},
	{OpI32GtU, "i32.gt_u", immNone, "ii:i", 0},
	{OpI32LeS, "i32.le_s", immNone, "ii:i", 0},
	{OpI32LeU, "i32.le_u", immNone, "ii:i", 0},
	{OpI32GeS, "i32.ge_s", immNone, "ii:i", 0},
	{OpI32GeU, "i32.ge_u", immNone, "ii:i", 0},
	{OpI64Eqz, "i64.eqz", immNone, "l:i", 0},
	{OpI64Eq, "i64.eq", immNone, "ll:i", 0},
	{OpI64Ne, "i64.ne", immNone, "ll:i", 0},
	{OpI64LtS, "i64.lt_s", immNone, "ll:i", 0},
	{OpI64LtU, "i64.lt_u", immNone, "ll:i", 0},
	{OpI64GtS, "i64.gt_s", immNone, "ll:i", 0},
	{OpI64GtU, "i64.gt_u", immNone, "ll:i", 0},
	{OpI64LeS, "i64.le_s", immNone, "ll:i", 0},
	{OpI64LeU, "i64.le_u", immNone, "ll:i", 0},
	{OpI64GeS, "i64.ge_s", immNone, "ll:i", 0},
	{OpI64GeU, "i64.ge_u", immNone, "ll:i", 0},
	{OpF32Eq, "f32.eq", immNone, "ff:i", 0},
	{OpF32Ne, "f32.ne", immNone, "ff:i", 0},
	{OpF32Lt, "f32.lt", immNone, "ff:i", 0},
	{OpF32Gt, "f32.gt", immNone, "ff:i", 0},
	{OpF32Le, "f32.le", immNone, "ff:i", 0},
	{OpF32Ge, "f32.ge", immNone, "ff:i", 0},
	{OpF64Eq, "f64.eq", immNone, "dd:i", 0},
	{OpF64Ne, "f64.ne", immNone, "dd:i", 0},
	{OpF64Lt, "f64.lt", immNone, "dd:i", 0},
	{OpF64Gt, "f64.gt", immNone, "dd:i", 0},
	{OpF64Le, "f64.le", immNone, "dd:i", 0},
	{OpF64Ge, "f64.ge", immNone, "dd:i", 0},
	{OpI32Clz, "i32.clz", immNone, "i:i", 0},
	{OpI32Ctz, "i32.ctz", immNone, "i:i", 0},
	{OpI32Popcnt, "i32.popcnt", immNone, "i:i", 0},
	{OpI32Add, "i32.add", immNone, "ii:i", 0},
	{OpI32Sub, "i32.sub", immNone, "ii:i", 0},
	{OpI32Mul, "i32.mul", immNone, "ii:i", 0},
	{OpI32DivS, "i32.div_s", immNone, "ii:i", 0},
	{OpI32DivU, "i32.div_u", immNone, "ii:i", 0},
	{OpI32RemS, "i32.rem_s", immNone, "ii:i", 0},
	{OpI32RemU, "i32.rem_u", immNone, "ii:i", 0},
	{OpI32And, "i32.and", immNone, "ii:i", 0},
	{OpI32Or, "i32.or", immNone, "ii:i", 0},
	{OpI32Xor, "i32.xor", immNone, "ii:i", 0},
	{OpI32Shl, "i32.shl", immNone, "ii:i", 0},
	{OpI32ShrS, "i32.shr_s", immNone, "ii:i", 0},
	{OpI32ShrU, "i32.shr_u", immNone, "ii:i", 0},
	{OpI32Rotl, "i32.rotl", immNone, "ii:i", 0},
	{OpI32Rotr, "i32.rotr", immNone, "ii:i", 0},
	{OpI64Clz, "i64.clz", immNone, "l:l", 0},
	{OpI64Ctz, "i64.ctz", immNone, "l:l", 0},
	{OpI64Popcnt, "i64.popcnt", immNone, "l:l", 0},
	{OpI64Add, "i64.add", immNone, "ll:l", 0},
	{OpI64Sub, "i64.sub", immNone, "ll:l", 0},
	{OpI64Mul, "i64.mul", immNone, "ll:l", 0},
	{OpI64DivS, "i64.div_s", immNone, "ll:l", 0},
	{OpI64DivU, "i64.div_u", immNone, "ll:l", 0},
	{OpI64RemS, "i64.rem_s", immNone, "ll:l", 0},
	{OpI64RemU, "i64.rem_u", immNone, "ll:l", 0},
	{OpI64And, "i64.and", immNone, "ll:l", 0},
	{OpI64Or, "i64.or", immNone, "ll:l", 0},
	{OpI64Xor, "i64.xor", immNone, "ll:l", 0},
	{OpI64Shl, "i64.shl", immNone, "ll:l", 0},
	{OpI64ShrS, "i64.shr_s", immNone, "ll:l", 0},
	{OpI64ShrU, "i64.shr_u", immNone, "ll:l", 0},
	{OpI64Rotl, "i64.rotl", immNone, "ll:l", 0},
	{OpI64Rotr, "i64.rotr", immNone, "ll:l", 0},
	{OpF32Abs, "f32.abs", immNone, "f:f", 0},
	{OpF32Neg, "f32.neg", immNone, "f:f", 0},
	{OpF32Ceil, "f32.ceil", immNone, "f:f", 0},
	{OpF32Floor, "f32.floor", immNone, "f:f", 0},
	{OpF32Trunc, "f32.trunc", immNone, "f:f", 0},
	{OpF32Nearest, "f32.nearest", immNone, "f:f", 0},
	{OpF32Sqrt, "f32.sqrt", immNone, "f:f", 0},
	{OpF32Add, "f32.add", immNone, "ff:f", 0},
	{OpF32Sub, "f32.sub", immNone, "ff:f", 0},
	{OpF32Mul, "f32.mul", immNone, "ff:f", 0},
	{OpF32Div, "f32.div", immNone, "ff:f", 0},
	{OpF32Min, "f32.min", immNone, "ff:f", 0},
	{OpF32Max, "f32.max", immNone, "ff:f", 0},
	{OpF32Copysign, "f32.copysign", immNone, "ff:f", 0},
	{OpF64Abs, "f64.abs", immNone, "d:d", 0},
	{OpF64Neg, "f64.neg", immNone, "d:d", 0},
	{OpF64Ceil, "f64.ceil", immNone, "d:d", 0},
	{OpF64Floor, "f64.floor", immNone, "d:d", 0},
	{OpF64Trunc, "f64.trunc", immNone, "d:d", 0},
	{OpF64Nearest, "f64.nearest", immNone, "d:d", 0},
	{OpF64Sqrt, "f64.sqrt", immNone, "d:d", 0},
	{OpF64Add, "f64.add", immNone, "dd:d", 0},
	{OpF64Sub, "f64.sub", immNone, "dd:d", 0},
	{OpF64Mul, "f64.mul", immNone, "dd:d", 0},
	{OpF64Div, "f64.div", immNone, "dd:d", 0},
	{OpF64Min, "f64.min", immNone, "dd:d", 0},
	{OpF64Max, "f64.max", immNone, "dd:d", 0},
	{OpF64Copysign, "f64.copysign", immNone, "dd:d", 0},
	{OpI32WrapI64, "i32.wrap_i64", immNone, "l:i", 0},
	{OpI32TruncF32S, "i32.trunc_f32_s", immNone, "f:i", 0},
	{OpI32TruncF32U, "i32.trunc_f32_u", immNone, "f:i", 0},
	{OpI32TruncF64S, "i32.trunc_f64_s", immNone, "d:i", 0},
	{OpI32TruncF64U, "i32.trunc_f64_u", immNone, "d:i", 0},
	{OpI64ExtendI32S, "i64.extend_i32_s", immNone, "i:l", 0},
	{OpI64ExtendI32U, "i64.extend_i32_u", immNone, "i:l", 0},
	{OpI64TruncF32S, "i64.trunc_f32_s", immNone, "f:l", 0},
	{OpI64TruncF32U, "i64.trunc_f32_u", immNone, "f:l", 0},
	{OpI64TruncF64S, "i64.trunc_f64_s", immNone, "d:l", 0},
	{OpI64TruncF64U, "i64.trunc_f64_u", immNone, "d:l", 0},
	{OpF32ConvertI32S, "f32.convert_i32_s", immNone, "i:f", 0},
	{OpF32ConvertI32U, "f32.convert_i32_u", immNone, "i:f", 0},
	{OpF32ConvertI64S, "f32.convert_i64_s", immNone, "l:f", 0},
	{OpF32ConvertI64U, "f32.convert_i64_u", immNone, "l:f", 0},
	{OpF32DemoteF64, "f32.demote_f64", immNone, "d:f", 0},
	{OpF64ConvertI32S, "f64.convert_i32_s", immNone, "i:d", 0},
	{OpF64ConvertI32U, "f64.convert_i32_u", immNone, "i:d", 0},
	{OpF64ConvertI64S, "f64.convert_i64_s", immNone, "l:d", 0},
	{OpF64ConvertI64U, "f64.convert_i64_u", immNone, "l:d", 0},
	{OpF64PromoteF32, "f64.promote_f32", immNone, "f:d", 0},
	{OpI32ReinterpretF32, "i32.reinterpret_f32", immNone, "f:i", 0},
	{OpI64ReinterpretF64, "i64.reinterpret_f64", immNone, "d:l", 0},
	{OpF32ReinterpretI32, "f32.reinterpret_i32", immNone, "i:f", 0},
	{OpF64ReinterpretI64, "f64.reinterpret_i64", immNone, "l:d", 0},
	{OpI32Extend8S, "i32.extend8_s", immNone, "i:i", 0},
	{OpI32Extend16S, "i32.extend16_s", immNone, "i:i", 0},
	{OpI64Extend8S, "i64.extend8_s", immNone, "l:l", 0},
	{OpI64Extend16S, "i64.extend16_s", immNone, "l:l", 0},
	{OpI64Extend32S, "i64.extend32_s", immNone, "l:l", 0},

	// Prefix 0xFC: saturating conversions, bulk memory and tables.
	{OpI32TruncSatF32S, "i32.trunc_sat_f32_s", immNone, "f:i", 0},
	{OpI32TruncSatF32U, "i32.trunc_sat_f32_u", immNone, "f:i", 0},
	{OpI32TruncSatF64S, "i32.trunc_sat_f64_s", immNone, "d:i", 0},
	{OpI32TruncSatF64U, "i32.trunc_sat_f64_u", immNone, "d:i", 0},
	{OpI64TruncSatF32S, "i64.trunc_sat_f32_s", immNone, "f:l", 0},
	{OpI64TruncSatF32U, "i64.trunc_sat_f32_u", immNone, "f:l", 0},
	{OpI64TruncSatF64S, "i64.trunc_sat_f64_s", immNone, "d:l", 0},
	{OpI64TruncSatF64U, "i64.trunc_sat_f64_u", immNone, "d:l", 0},
	{OpMemoryInit, "memory.init", immDataMem, "iii:", 0},
	{OpDataDrop, "data.drop", immData, ":", 0},
	{OpMemoryCopy, "memory.copy", immMemMem, "iii:", 0},
	{OpMemoryFill, "memory.fill", immMemIndex, "iii:", 0},
	{OpTableInit, "table.init", immElemTable, "iii:", 0},
	{OpElemDrop, "elem.drop", immElem, ":", 0},
	{OpTableCopy, "table.copy", immTableTable, "iii:", 0},
	{OpTableGrow, "table.grow", immTable, "*", 0},
	{OpTableSize, "table.size", immTable, ":i", 0},
	{OpTableFill, "table.fill", immTable, "*", 0},

	// Prefix 0xFD: vectors (5.4.8); x is the largest alignment or the number of lanes.
	{OpV128Load, "v128.load", immMem, "i:v", 4},
	{OpV128Load8x8S, "v128.load8x8_s", immMem, "i:v", 3},
	{OpV128Load8x8U, "v128.load8x8_u", immMem, "i:v", 3},
	{OpV128Load16x4S, "v128.load16x4_s", immMem, "i:v", 3},
	{OpV128Load16x4U, "v128.load16x4_u", immMem, "i:v", 3},
	{OpV128Load32x2S, "v128.load32x2_s", immMem, "i:v", 3},
	{OpV128Load32x2U, "v128.load32x2_u", immMem, "i:v", 3},
	{OpV128Load8Splat, "v128.load8_splat", immMem, "i:v", 0},
	{OpV128Load16Splat, "v128.load16_splat", immMem, "i:v", 1},
	{OpV128Load32Splat, "v128.load32_splat", immMem, "i:v", 2},
	{OpV128Load64Splat, "v128.load64_splat", immMem, "i:v", 3},
	{OpV128Store, "v128.store", immMem, "iv:", 4},
	{OpV128Const, "v128.const", immV128, ":v", 0},
	{OpI8x16Shuffle, "i8x16.shuffle", immShuffle, "vv:v", 32},
	{OpI8x16Swizzle, "i8x16.swizzle", immNone, "vv:v", 0},
	{OpI8x16Splat, "i8x16.splat", immNone, "i:v", 0},
	{OpI16x8Splat, "i16x8.splat", immNone, "i:v", 0},
	{OpI32x4Splat, "i32x4.splat", immNone, "i:v", 0},
	{OpI64x2Splat, "i64x2.splat", immNone, "l:v", 0},
	{OpF32x4Splat, "f32x4.splat", immNone, "f:v", 0},
	{OpF64x2Splat, "f64x2.splat", immNone, "d:v", 0},
	{OpI8x16ExtractLaneS, "i8x16.extract_lane_s", immLane, "v:i", 16},
	{OpI8x16ExtractLaneU, "i8x16.extract_lane_u", immLane, "v:i", 16},
	{OpI8x16ReplaceLane, "i8x16.replace_lane", immLane, "vi:v", 16},
	{OpI16x8ExtractLaneS, "i16x8.extract_lane_s", immLane, "v:i", 8},
	{OpI16x8ExtractLaneU, "i16x8.extract_lane_u", immLane, "v:i", 8},
	{OpI16x8ReplaceLane, "i16x8.replace_lane", immLane, "vi:v", 8},
	{OpI32x4ExtractLane, "i32x4.extract_lane", immLane, "v:i", 4},
	{OpI32x4ReplaceLane, "i32x4.replace_lane", immLane, "vi:v", 4},
	{OpI64x2ExtractLane, "i64x2.extract_lane", immLane, "v:l", 2},
	{OpI64x2ReplaceLane, "i64x2.replace_lane", immLane, "vl:v", 2},
	{OpF32x4ExtractLane, "f32x4.extract_lane", immLane, "v:f", 4},
	{OpF32x4ReplaceLane, "f32x4.replace_lane", immLane, "vf:v", 4},
	{OpF64x2ExtractLane, "f64x2.extract_lane", immLane, "v:d", 2},
	{OpF64x2ReplaceLane, "f64x2.replace_lane", immLane, "vd:v", 2},
	{OpI8x16Eq, "i8x16.eq", immNone, "vv:v", 0},
	{OpI8x16Ne, "i8x16.ne", immNone, "vv:v", 0},
	{OpI8x16LtS, "i8x16.lt_s", immNone, "vv:v", 0},
	{OpI8x16LtU, "i8x16.lt_u", immNone, "vv:v", 0},
	{OpI8x16GtS, "i8x16.gt_s", immNone, "vv:v", 0},
	{OpI8x16GtU, "i8x16.gt_u", immNone, "vv:v", 0},
	{OpI8x16LeS, "i8x16.le_s", immNone, "vv:v", 0},
	{OpI8x16LeU, "i8x16.le_u", immNone, "vv:v", 0},
	{OpI8x16GeS, "i8x16.ge_s", immNone, "vv:v", 0},
	{OpI8x16GeU, "i8x16.ge_u", immNone, "vv:v", 0},
	{OpI16x8Eq, "i16x8.eq", immNone, "vv:v", 0},
	{OpI16x8Ne, "i16x8.ne", immNone, "vv:v", 0},
	{OpI16x8LtS, "i16x8.lt_s", immNone, "vv:v", 0},
	{OpI16x8LtU, "i16x8.lt_u", immNone, "vv:v", 0},
	{OpI16x8GtS, "i16x8.gt_s", immNone, "vv:v", 0},
	{OpI16x8GtU, "i16x8.gt_u", immNone, "vv:v", 0},
	{OpI16x8LeS, "i16x8.le_s", immNone, "vv:v", 0},
	{OpI16x8LeU, "i16x8.le_u", immNone, "vv:v", 0},
	{OpI16x8GeS, "i16x8.ge_s", immNone, "vv:v", 0},
	{OpI16x8GeU, "i16x8.ge_u", immNone, "vv:v", 0},
	{OpI32x4Eq, "i32x4.eq", immNone, "vv:v", 0},
	{OpI32x4Ne, "i32x4.ne", immNone, "vv:v", 0},
	{OpI32x4LtS, "i32x4.lt_s", immNone, "vv:v", 0},
	{OpI32x4LtU, "i32x4.lt_u", immNone, "vv:v", 0},
	{OpI32x4GtS, "i32x4.gt_s", immNone, "vv:v", 0},
	{OpI32x4GtU, "i32x4.gt_u", immNone, "vv:v", 0},
	{OpI32x4LeS, "i32x4.le_s", immNone, "vv:v", 0},
	{OpI32x4LeU, "i32x4.le_u", immNone, "vv:v", 0},
	{OpI32x4GeS, "i32x4.ge_s", immNone, "vv:v", 0},
	{OpI32x4GeU, "i32x4.ge_u", immNone, "vv:v", 0},
	{OpF32x4Eq, "f32x4.eq", immNone, "vv:v", 0},
	{OpF32x4Ne, "f32x4.ne", immNone, "vv:v", 0},
	{OpF32x4Lt, "f32x4.lt", immNone, "vv:v", 0},
	{OpF32x4Gt, "f32x4.gt", immNone, "vv:v", 0},
	{OpF32x4Le, "f32x4.le", immNone, "vv:v", 0},
	{OpF32x4Ge, "f32x4.ge", immNone, "vv:v", 0},
	{OpF64x2Eq, "f64x2.eq", immNone, "vv:v", 0},
	{OpF64x2Ne, "f64x2.ne", immNone, "vv:v", 0},
	{OpF64x2Lt, "f64x2.lt", immNone, "vv:v", 0},
	{OpF64x2Gt, "f64x2.gt", immNone, "vv:v", 0},
	{OpF64x2Le, "f64x2.le", immNone, "vv:v", 0},
	{OpF64x2Ge, "f64x2.ge", immNone, "vv:v", 0},
	{OpV128Not, "v128.not", immNone, "v:v", 0},
	{OpV128And, "v128.and", immNone, "vv:v", 0},
	{OpV128Andnot, "v128.andnot", immNone, "vv:v", 0},
	{OpV128Or, "v128.or", immNone, "vv:v", 0},
	{OpV128Xor, "v128.xor", immNone, "vv:v", 0},
	{OpV128Bitselect, "v128.bitselect", immNone, "vvv:v", 0},
	{OpV128AnyTrue, "v128.any_true", immNone, "v:i", 0},
	{OpV128Load8Lane, "v128.load8_lane", immMemLane, "iv:v", 0},
	{OpV128Load16Lane, "v128.load16_lane", immMemLane, "iv:v", 1},
	{OpV128Load32Lane, "v128.load32_lane", immMemLane, "iv:v", 2},
	{OpV128Load64Lane, "v128.load64_lane", immMemLane, "iv:v", 3},
	{OpV128Store8Lane, "v128.store8_lane", immMemLane, "iv:", 0},
	{OpV128Store16Lane, "v128.store16_lane", immMemLane, "iv:", 1},
	{OpV128Store32Lane, "v128.store32_lane", immMemLane, "iv:", 2},
	{OpV128Store64Lane, "v128.store64_lane", immMemLane, "iv:", 3},
	{OpV128Load32Zero, "v128.load32_zero", immMem, "i:v", 2},
	{OpV128Load64Zero, "v128.load64_zero", immMem, "i:v", 3},
	{OpF32x4DemoteF64x2Zero, "f32x4.demote_f64x2_zero", immNone, "v:v", 0},
	{OpF64x2PromoteLowF32x4, "f64x2.promote_low_f32x4", immNone, "v:v", 0},
	{OpI8x16Abs, "i8x16.abs", immNone, "v:v", 0},
	{OpI8x16Neg, "i8x16.neg", immNone, "v:v", 0},
	{OpI8x16Popcnt, "i8x16.popcnt", immNone, "v:v", 0},
	{OpI8x16AllTrue, "i8x16.all_true", immNone, "v:i", 0},
	{OpI8x16Bitmask, "i8x16.bitmask", immNone, "v:i", 0},
	{OpI8x16NarrowI16x8S, "i8x16.narrow_i16x8_s", immNone, "vv:v", 0},
	{OpI8x16NarrowI16x8U, "i8x16.narrow_i16x8_u", immNone, "vv:v", 0},
	{OpF32x4Ceil, "f32x4.ceil", immNone, "v:v", 0},
	{OpF32x4Floor, "f32x4.floor", immNone, "v:v", 0},
	{OpF32x4Trunc, "f32x4.trunc", immNone, "v:v", 0},
	{OpF32x4Nearest, "f32x4.nearest", immNone, "v:v", 0},
	{OpI8x16Shl, "i8x16.shl", immNone, "vi:v", 0},
	{OpI8x16ShrS, "i8x16.shr_s", immNone, "vi:v", 0},
	{OpI8x16ShrU, "i8x16.shr_u", immNone, "vi:v", 0},
	{OpI8x16Add, "i8x16.add", immNone, "vv:v", 0},
	{OpI8x16AddSatS, "i8x16.add_sat_s", immNone, "vv:v", 0},
	{OpI8x16AddSatU, "i8x16.add_sat_u", immNone, "vv:v", 0},
	{OpI8x16Sub, "i8x16.sub", immNone, "vv:v", 0},
	{OpI8x16SubSatS, "i8x16.sub_sat_s", immNone, "vv:v", 0},
	{OpI8x16SubSatU, "i8x16.sub_sat_u", immNone, "vv:v", 0},
	{OpF64x2Ceil, "f64x2.ceil", immNone, "v:v", 0},
	{OpF64x2Floor, "f64x2.floor", immNone, "v:v", 0},
	{OpI8x16MinS, "i8x16.min_s", immNone, "vv:v", 0},
	{OpI8x16MinU, "i8x16.min_u", immNone, "vv:v", 0},
	{OpI8x16MaxS, "i8x16.max_s", immNone, "vv:v", 0},
	{OpI8x16MaxU, "i8x16.max_u", immNone, "vv:v", 0},
	{OpF64x2Trunc, "f64x2.trunc", immNone, "v:v", 0},
	{OpI8x16AvgrU, "i8x16.avgr_u", immNone, "vv:v", 0},
	{OpI16x8ExtaddPairwiseI8x16S, "i16x8.extadd_pairwise_i8x16_s", immNone, "v:v", 0},
	{OpI16x8ExtaddPairwiseI8x16U, "i16x8.extadd_pairwise_i8x16_u", immNone, "v:v", 0},
	{OpI32x4ExtaddPairwiseI16x8S, "i32x4.extadd_pairwise_i16x8_s", immNone, "v:v", 0},
	{OpI32x4ExtaddPairwiseI16x8U, "i32x4.extadd_pairwise_i16x8_u", immNone, "v:v", 0},
	{OpI16x8Abs, "i16x8.abs", immNone, "v:v", 0},
	{OpI16x8Neg, "i16x8.neg", immNone, "v:v", 0},
	{OpI16x8Q15mulrSatS, "i16x8.q15mulr_sat_s", immNone, "vv:v", 0},
	{OpI16x8AllTrue, "i16x8.all_true", immNone, "v:i", 0},
	{OpI16x8Bitmask, "i16x8.bitmask", immNone, "v:i", 0},
	{OpI16x8NarrowI32x4S, "i16x8.narrow_i32x4_s", immNone, "vv:v", 0},
	{OpI16x8NarrowI32x4U, "i16x8.narrow_i32x4_u", immNone, "vv:v", 0},
	{OpI16x8ExtendLowI8x16S, "i16x8.extend_low_i8x16_s", immNone, "v:v", 0},
	{OpI16x8ExtendHighI8x16S, "i16x8.extend_high_i8x16_s", immNone, "v:v", 0},
	{OpI16x8ExtendLowI8x16U, "i16x8.extend_low_i8x16_u", immNone, "v:v", 0},
	{OpI16x8ExtendHighI8x16U, "i16x8.extend_high_i8x16_u", immNone, "v:v", 0},
	{OpI16x8Shl, "i16x8.shl", immNone, "vi:v", 0},
	{OpI16x8ShrS, "i16x8.shr_s", immNone, "vi:v", 0},
	{OpI16x8ShrU, "i16x8.shr_u", immNone, "vi:v", 0},
	{OpI16x8Add, "i16x8.add", immNone, "vv:v", 0},
	{OpI16x8AddSatS, "i16x8.add_sat_s", immNone, "vv:v", 0},
	{OpI16x8AddSatU, "i16x8.add_sat_u", immNone, "vv:v", 0},
	{OpI16x8Sub, "i16x8.sub", immNone, "vv:v", 0},
	{OpI16x8SubSatS, "i16x8.sub_sat_s", immNone, "vv:v", 0},
	{OpI16x8SubSatU, "i16x8.sub_sat_u", immNone, "vv:v", 0},
	{OpF64x2Nearest, "f64x2.nearest", immNone, "v:v", 0},
	{OpI16x8Mul, "i16x8.mul", immNone, "vv:v", 0},
	{OpI16x8MinS, "i16x8.min_s", immNone, "vv:v", 0},
	{OpI16x8MinU, "i16x8.min_u", immNone, "vv:v", 0},
	{OpI16x8MaxS, "i16x8.max_s", immNone, "vv:v", 0},
	{OpI16x8MaxU, "i16x8.max_u", immNone, "vv:v", 0},
	{OpI16x8AvgrU, "i16x8.avgr_u", immNone, "vv:v", 0},
	{OpI16x8ExtmulLowI8x16S, "i16x8.extmul_low_i8x16_s", immNone, "vv:v", 0},
	{OpI16x8ExtmulHighI8x16S, "i16x8.extmul_high_i8x16_s", immNone, "vv:v", 0},
	{OpI16x8ExtmulLowI8x16U, "i16x8.extmul_low_i8x16_u", immNone, "vv:v", 0},
	{OpI16x8ExtmulHighI8x16U, "i16x8.extmul_high_i8x16_u", immNone, "vv:v", 0},
	{OpI32x4Abs, "i32x4.abs", immNone, "v:v", 0},
	{OpI32x4Neg, "i32x4.neg", immNone, "v:v", 0},
	{OpI32x4AllTrue, "i32x4.all_true", immNone, "v:i", 0},
	{OpI32x4Bitmask, "i32x4.bitmask", immNone, "v:i", 0},
	{OpI32x4ExtendLowI16x8S, "i32x4.extend_low_i16x8_s", immNone, "v:v", 0},
	{OpI32x4ExtendHighI16x8S, "i32x4.extend_high_i16x8_s", immNone, "v:v", 0},
	{OpI32x4ExtendLowI16x8U, "i32x4.extend_low_i16x8_u", immNone, "v:v", 0},
	{OpI32x4ExtendHighI16x8U, "i32x4.extend_high_i16x8_u", immNone, "v:v", 0},
	{OpI32x4Shl, "i32x4.shl", immNone, "vi:v", 0},
	{OpI32x4ShrS, "i32x4.shr_s", immNone, "vi:v", 0},
	{OpI32x4ShrU, "i32x4.shr_u", immNone, "vi:v", 0},
	{OpI32x4Add, "i32x4.add", immNone, "vv:v", 0},
	{OpI32x4Sub, "i32x4.sub", immNone, "vv:v", 0},
	{OpI32x4Mul, "i32x4.mul", immNone, "vv:v", 0},
	{OpI32x4MinS, "i32x4.min_s", immNone, "vv:v", 0},
	{OpI32x4MinU, "i32x4.min_u", immNone, "vv:v", 0},
	{OpI32x4MaxS, "i32x4.max_s", immNone, "vv:v", 0},
	{OpI32x4MaxU, "i32x4.max_u", immNone, "vv:v", 0},
	{OpI32x4DotI16x8S, "i32x4.dot_i16x8_s", immNone, "vv:v", 0},
	{OpI32x4ExtmulLowI16x8S, "i32x4.extmul_low_i16x8_s", immNone, "vv:v", 0},
	{OpI32x4ExtmulHighI16x8S, "i32x4.extmul_high_i16x8_s", immNone, "vv:v", 0},
	{OpI32x4ExtmulLowI16x8U, "i32x4.extmul_low_i16x8_u", immNone, "vv:v", 0},
	{OpI32x4ExtmulHighI16x8U, "i32x4.extmul_high_i16x8_u", immNone, "vv:v", 0},
	{OpI64x2Abs, "i64x2.abs", immNone, "v:v", 0},
	{OpI64x2Neg, "i64x2.neg", immNone, "v:v", 0},
	{OpI64x2AllTrue, "i64x2.all_true", immNone, "v:i", 0},
	{OpI64x2Bitmask, "i64x2.bitmask", immNone, "v:i", 0},
	{OpI64x2ExtendLowI32x4S, "i64x2.extend_low_i32x4_s", immNone, "v:v", 0},
	{OpI64x2ExtendHighI32x4S, "i64x2.extend_high_i32x4_s", immNone, "v:v", 0},
	{OpI64x2ExtendLowI32x4U, "i64x2.extend_low_i32x4_u", immNone, "v:v", 0},
	{OpI64x2ExtendHighI32x4U, "i64x2.extend_high_i32x4_u", immNone, "v:v", 0},
	{OpI64x2Shl, "i64x2.shl", immNone, "vi:v", 0},
	{OpI64x2ShrS, "i64x2.shr_s", immNone, "vi:v", 0},
	{OpI64x2ShrU, "i64x2.shr_u", immNone, "vi:v", 0},
	{OpI64x2Add, "i64x2.add", immNone, "vv:v", 0},
	{OpI64x2Sub, "i64x2.sub", immNone, "vv:v", 0},
	{OpI64x2Mul, "i64x2.mul", immNone, "vv:v", 0},
	{OpI64x2Eq, "i64x2.eq", immNone, "vv:v", 0},
	{OpI64x2Ne, "i64x2.ne", immNone, "vv:v", 0},
	{OpI64x2LtS, "i64x2.lt_s", immNone, "vv:v", 0},
	{OpI64x2GtS, "i64x2.gt_s", immNone, "vv:v", 0},
	{OpI64x2LeS, "i64x2.le_s", immNone, "vv:v", 0},
	{OpI64x2GeS, "i64x2.ge_s", immNone, "vv:v", 0},
	{OpI64x2ExtmulLowI32x4S, "i64x2.extmul_low_i32x4_s", immNone, "vv:v", 0},
	{OpI64x2ExtmulHighI32x4S, "i64x2.extmul_high_i32x4_s", immNone, "vv:v", 0},
	{OpI64x2ExtmulLowI32x4U, "i64x2.extmul_low_i32x4_u", immNone, "vv:v", 0},
	{OpI64x2ExtmulHighI32x4U, "i64x2.extmul_high_i32x4_u", immNone, "vv:v", 0},
	{OpF32x4Abs, "f32x4.abs", immNone, "v:v", 0},
	{OpF32x4Neg, "f32x4.neg", immNone, "v:v", 0},
	{OpF32x4Sqrt, "f32x4.sqrt", immNone, "v:v", 0},
	{OpF32x4Add, "f32x4.add", immNone, "vv:v", 0},
	{OpF32x4Sub, "f32x4.sub", immNone, "vv:v", 0},
	{OpF32x4Mul, "f32x4.mul", immNone, "vv:v", 0},
	{OpF32x4Div, "f32x4.div", immNone, "vv:v", 0},
	{OpF32x4Min, "f32x4.min", immNone, "vv:v", 0},
	{OpF32x4Max, "f32x4.max", immNone, "vv:v", 0},
	{OpF32x4Pmin, "f32x4.pmin", immNone, "vv:v", 0},
	{OpF32x4Pmax, "f32x4.pmax", immNone, "vv:v", 0},
	{OpF64x2Abs, "f64x2.abs", immNone, "v:v", 0},
	{OpF64x2Neg, "f64x2.neg", immNone, "v:v", 0},
	{OpF64x2Sqrt, "f64x2.sqrt", immNone, "v:v", 0},
	{OpF64x2Add, "f64x2.add", immNone, "vv:v", 0},
	{OpF64x2Sub, "f64x2.sub", immNone, "vv:v", 0},
	{OpF64x2Mul, "f64x2.mul", immNone, "vv:v", 0},
	{OpF64x2Div, "f64x2.div", immNone, "vv:v", 0},
	{OpF64x2Min, "f64x2.min", immNone, "vv:v", 0},
	{OpF64x2Max, "f64x2.max", immNone, "vv:v", 0},
	{OpF64x2Pmin, "f64x2.pmin", immNone, "vv:v", 0},
	{OpF64x2Pmax, "f64x2.pmax", immNone, "vv:v", 0},
	{OpI32x4TruncSatF32x4S, "i32x4.trunc_sat_f32x4_s", immNone, "v:v", 0},
	{OpI32x4TruncSatF32x4U, "i32x4.trunc_sat_f32x4_u", immNone, "v:v", 0},
	{OpF32x4ConvertI32x4S, "f32x4.convert_i32x4_s", immNone, "v:v", 0},
	{OpF32x4ConvertI32x4U, "f32x4.convert_i32x4_u", immNone, "v:v", 0},
	{OpI32x4TruncSatF64x2SZero, "i32x4.trunc_sat_f64x2_s_zero", immNone, "v:v", 0},
	{OpI32x4TruncSatF64x2UZero, "i32x4.trunc_sat_f64x2_u_zero", immNone, "v:v", 0},
	{OpF64x2ConvertLowI32x4S, "f64x2.convert_low_i32x4_s", immNone, "v:v", 0},
	{OpF64x2ConvertLowI32x4U, "f64x2.convert_low_i32x4_u", immNone, "v:v", 0},
}
