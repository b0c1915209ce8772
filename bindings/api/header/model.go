package header

// What a header declares, in the form of api.json.

import "strings"

// API is all of it, in the order of the header.
type API struct {
	Version   string     `json:"version"`
	Soname    string     `json:"soname"`
	Comment   string     `json:"comment"`
	Sections  []Section  `json:"sections"`
	Handles   []Handle   `json:"handles"`
	Enums     []Enum     `json:"enums"`
	Structs   []Struct   `json:"structs"`
	Callbacks []Function `json:"callbacks"`
	Functions []Function `json:"functions"`
	Entries   []Entry    `json:"entries"`
}

// Section is what follows a comment that rules off, with the comment that is about all of it.
type Section struct {
	Name    string `json:"name"`
	Comment string `json:"comment"`
	text    comment
}

// Entry is a comment, and the declarations that it is about.
type Entry struct {
	Section      string   `json:"section"`
	Comment      string   `json:"comment"`
	Declarations []string `json:"declarations"`
	text         comment
}

// Handle is a type of which programs know the name only, or that is a number of another type.
type Handle struct {
	Name   string `json:"name"`
	Number string `json:"number,omitempty"`
	Entry  int    `json:"entry"`
}

// Enum is a list of constants. It has no name, its first constant has.
type Enum struct {
	Entry  int     `json:"entry"`
	Values []Value `json:"values"`
}

// Value is a constant.
type Value struct {
	Name    string `json:"name"`
	Value   int64  `json:"value"`
	Comment string `json:"comment,omitempty"`
}

// Struct is one whose fields programs see.
type Struct struct {
	Name   string  `json:"name"`
	Entry  int     `json:"entry"`
	Fields []Field `json:"fields"`
}

// Field is a field of a struct; Count is the length of an array.
type Field struct {
	Type
	Name    string `json:"name"`
	Count   int64  `json:"count,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// Type is a type as it is written, and what it points to how many times.
type Type struct {
	Text     string `json:"type"`
	Base     string `json:"base"`
	Pointers int    `json:"pointers"`
}

// Function is one of the library, or a type of those that the program gives it.
type Function struct {
	Name       string      `json:"name"`
	Entry      int         `json:"entry"`
	Comment    string      `json:"comment,omitempty"` // Its own, behind the declaration.
	Result     Result      `json:"result"`
	Parameters []Parameter `json:"parameters"`
	Thread     string      `json:"thread,omitempty"`  // Of functions of the library, as Process.
	Process    string      `json:"process,omitempty"` // See places.
	Errno      bool        `json:"errno,omitempty"`   // Of callbacks: errno is a part of what it gives.
	line       int
}

// Result is what a function gives. Kind is that of an integer: "code", "truth" or "number".
type Result struct {
	Type
	Kind   string   `json:"kind,omitempty"`
	Codes  []string `json:"codes,omitempty"`
	Length string   `json:"length,omitempty"` // The parameter that tells how long the text is.
}

// Parameter is one of a function. Length is the parameter that has or gets the number of its bytes or elements.
type Parameter struct {
	Type
	Name   string `json:"name"`
	Length string `json:"length,omitempty"`
	Out    bool   `json:"out,omitempty"`
	Null   bool   `json:"null,omitempty"`
}

// parameter finds a parameter by its name.
func (f *Function) parameter(name string) *Parameter {
	for i := range f.Parameters {
		if f.Parameters[i].Name == name {
			return &f.Parameters[i]
		}
	}
	return nil
}

// holdsBytes tells whether it points to bytes, so that these can have a length.
func (p *Parameter) holdsBytes() bool {
	return p.Pointers > 0 && (p.Base == "void" || p.Base == "char")
}

// String is a parameter as C has it.
func (p Parameter) String() string {
	if strings.HasSuffix(p.Text, "*") {
		return p.Text + p.Name
	}
	return p.Text + " " + p.Name
}
