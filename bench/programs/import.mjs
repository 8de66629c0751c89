// A program that imports the package, and does nothing with it.
import "asynccpu";
