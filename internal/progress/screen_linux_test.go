package progress

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A terminal may report no rows and columns.
func TestBarOnATerminalWithoutASize(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	defer terminal.Close()
	require.NoError(t, unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	out, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer out.Close()

	screen, err := NewScreen(out)
	require.NoError(t, err)
	reporter := Report(&Tracker{}, Bar, out, screen)
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		lines := bufio.NewReader(terminal)
		for {
			shown, err := lines.ReadString('\n')
			if err != nil || strings.Contains(shown, "─") && strings.Contains(shown, "0 failed") {
				return
			}
		}
	}()
	<-seen
	reporter.Abandon()
	screen.Close()
}
