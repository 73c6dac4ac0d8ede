# Run by /bin/sh where lisod was started with --cgi-handler .cgi=/bin/sh, as ./scripts/start does; else you read it.
exec ../../cgi-bin/environment
