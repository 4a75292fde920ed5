package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// A token is its number, and a code of it by the session's secret. So a guest that comes
// back from an older image knows the tokens that were issued after it, without which no
// client could resume. The secret gives away no more than what is saved beside it.
const tokenNumber = 8 // bytes

func (m *machine) token(n uint64) (token [32]byte) {
	binary.LittleEndian.PutUint64(token[:], n)
	h := hmac.New(sha256.New, m.Secret)
	h.Write(m.ID[:])
	h.Write(token[:tokenNumber])
	copy(token[tokenNumber:], h.Sum(nil))
	return token
}

// rotate makes a new token. Those from oldest on stay valid until it is used.
func (m *machine) rotate(oldest uint64) [32]byte {
	m.Issued = max(m.Issued, oldest) + 1
	m.Oldest = oldest
	return m.token(m.Issued)
}

// match returns the token's number, if it is valid.
func (m *machine) match(token [32]byte) (uint64, bool) {
	n := binary.LittleEndian.Uint64(token[:])
	want := m.token(n)
	same := hmac.Equal(want[:], token[:])
	return n, same && n > 0 && n >= m.Oldest && n < 1<<62
}
